import { implementationPath } from '#lib/paths.ts';

export const RESTORE_STEPS = ['what', 'how', 'preview', 'confirm'] as const;
export type RestoreStep = (typeof RESTORE_STEPS)[number];

/** What is chosen so far, and how far the person is. It stands in the address: reload, back button and a sent link keep it. */
export interface RestoreAddress {
  /** `run`: it was confirmed, and `job` does it. */
  readonly step: RestoreStep | 'run';
  readonly configOnly: boolean;
  /** Empty: all. */
  readonly tables: readonly string[];
  /** What computes the plan, or in the step `run` what applies it. */
  readonly job: string | null;
  readonly plan: string | null;
  /** The table of the preview whose rows are shown. */
  readonly open: string | null;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function parseRestoreAddress(search: URLSearchParams): RestoreAddress {
  const asked = search.get('step');
  const id = (name: string) => {
    const value = search.get(name);
    return value !== null && UUID.test(value) ? value : null;
  };
  const [job, plan] = [id('job'), id('plan')];
  const step = asked === 'run' ? asked : (RESTORE_STEPS.find((it) => it === asked) ?? 'what');
  return {
    // There is nothing to confirm without a plan, and nothing runs without a job.
    step: (step === 'confirm' && plan === null) || (step === 'run' && job === null) ? 'preview' : step,
    configOnly: search.get('content') === 'config',
    tables: search.getAll('table'),
    job,
    plan,
    open: search.get('open'),
  };
}

export function printRestoreAddress({ step, configOnly, tables, job, plan, open }: RestoreAddress): string {
  const search = new URLSearchParams({ step });
  if (configOnly) search.set('content', 'config');
  for (const table of tables) search.append('table', table);
  if (job !== null) search.set('job', job);
  if (plan !== null) search.set('plan', plan);
  if (open !== null) search.set('open', open);
  return `?${search.toString()}`;
}

interface Place {
  readonly module: string;
  readonly key: string;
}

export function restorePath(place: Place, backupId: string): string {
  return `${implementationPath(place)}/restore/${backupId}`;
}

export function restoreResultPath(
  place: Place,
  { backupId, id }: { readonly backupId: string; readonly id: string },
): string {
  return `${restorePath(place, backupId)}/result/${id}`;
}

export function somethingWentWrongPath(place: Place): string {
  return `${implementationPath(place)}/something-went-wrong`;
}
