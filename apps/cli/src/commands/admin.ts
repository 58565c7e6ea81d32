import type { AdministratorDocument } from '@cofre/contracts';
import {
  addAdministrator,
  listAdministrators,
  removeAdministrator,
  resetAdministrators,
  resetPassword,
} from '@cofre/services';
import { textTable } from '../output/text-table.ts';
import { formatTime } from '../output/words.ts';
import type { Command } from '../run.ts';

export const adminAdd: Command = async (run) => {
  const added = await addAdministrator(await run.composition.service(), { email: run.operand(0) });
  run.print(added, () => `${named(added)} may change things from now on.`);
  return undefined;
};

export const adminRemove: Command = async (run) => {
  const removed = await removeAdministrator(await run.composition.service(), { email: run.operand(0) });
  run.print(removed, () => `${named(removed)} may not change things any more.`);
  return undefined;
};

export const adminReset: Command = async (run) => {
  const input = { email: run.operand(0), confirmed: run.flag('yes') };
  const done = await resetAdministrators(await run.composition.service(), input);
  run.print(done, () => {
    const others = done.removed.map(named).join(', ');
    return `${named(done.administrator)} is the only administrator now${others === '' ? '' : `; removed: ${others}`}.`;
  });
  return undefined;
};

export const adminPassword: Command = async (run) => {
  const given = await resetPassword(await run.composition.service(), { email: run.operand(0) });
  run.print(
    given,
    () =>
      `${given.email} signs in once with ${given.oneTimePassword} and then chooses another. Who was signed in as them is signed out.`,
  );
  return undefined;
};

export const adminList: Command = async (run) => {
  const items = await listAdministrators(await run.composition.service());
  run.print({ items }, () => {
    if (items.length === 0) return 'Nobody is listed; `cofre admin add EMAIL` adds a person who has signed in once.';
    const rows = items.map((it) => [named(it), formatTime(it.createdAt), it.createdBy ?? '–']);
    return textTable(['ADMINISTRATOR', 'SINCE', 'ADDED BY'], rows);
  });
  return undefined;
};

function named({ email, userId }: AdministratorDocument): string {
  return email ?? userId;
}
