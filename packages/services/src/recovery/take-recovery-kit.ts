import { CofreError, type RecoveryKitDocument } from '@cofre/contracts';
import type { RepositoryKey } from '@cofre/engine';
import { authorize } from '../access/authorize.ts';
import { audit } from '../audit/audit.ts';
import { toRepositoryDocument } from '../repository/show-repository.ts';
import type { ServiceContext } from '../service-context.ts';

/**
 * Hands out what it takes to read the backups when this installation is gone. A key is handed out once: whoever gets hold of
 * an administrator's session later does not get the key with it, and finds it written down who has. The operator can read
 * the key file at any time. Throws `repository/kit-taken`.
 */
export async function takeRecoveryKit(caller: ServiceContext): Promise<RecoveryKitDocument> {
  const context = await authorize(caller, 'takeRecoveryKit');
  const { actor, catalogue, clock } = context;
  const repository = await toRepositoryDocument(await context.openRepository());
  const key = keyOf(context.key);
  const now = clock.now();
  await catalogue.transaction().execute(async (transaction) => {
    // Of two at once, the second waits here for the first and finds nothing left to do.
    const taken = await transaction
      .updateTable('cofre.repository_pin')
      .set({ kit_taken_at: now, kit_taken_by_name: actor.name })
      .where('repository_id', '=', repository.id)
      .where('kit_taken_at', 'is', null)
      .executeTakeFirst();
    if (taken.numUpdatedRows === 0n && key.kind === 'key-file') throw kitTaken();
    await audit(
      { ...context, catalogue: transaction },
      {
        action: 'TAKE_RECOVERY_KIT',
        resource: { type: 'repository', id: repository.id },
        details: { key: key.kind },
      },
    );
  });
  return { madeAt: now.toISOString(), madeFor: actor.name, repository, key };
}

function keyOf(key: RepositoryKey): RecoveryKitDocument['key'] {
  return key.kind === 'key-file' ? { kind: key.kind, hex: Buffer.from(key.bytes).toString('hex') } : { kind: key.kind };
}

function kitTaken(): CofreError {
  return new CofreError('repository/kit-taken', 'The recovery kit was handed out already. Nothing was handed out.');
}
