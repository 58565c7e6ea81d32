import {
  type BackupDocument,
  checkDocument,
  ERROR_CODES,
  type ErrorCode,
  type ErrorDocument,
  type JobDocument,
} from '@cofre/contracts';
import { getTranslations } from 'next-intl/server';

/** Puts the errors that documents carry into the reader's words; their parameters and their cause stay here. */
export type Wording = (error: Pick<ErrorDocument, 'code'>) => ErrorDocument;

export async function errorWording(): Promise<Wording> {
  const t = await getTranslations('errors');
  return ({ code }) => {
    // Documents are kept for years: a code of another version may have no words here.
    const known = isKnown(code) ? code : 'internal/bug';
    return { code, params: {}, message: t(`${known}.message`), hint: t(`${known}.hint`) };
  };
}

/** For one error; `errorWording` is for many. */
export async function errorWords(error: Pick<ErrorDocument, 'code'>): Promise<ErrorDocument> {
  return (await errorWording())(error);
}

function isKnown(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CODES, code);
}

export function wordedJob(job: JobDocument, wording: Wording): JobDocument {
  const { error = damageFoundBy(job), ...rest } = job;
  return error === undefined ? rest : { ...rest, error: wording(error) };
}

/** A backup that was found damaged was verified to the end, which is no good news. */
function damageFoundBy({ kind, result }: JobDocument): Pick<ErrorDocument, 'code'> | undefined {
  if (kind !== 'verify-backup') return undefined;
  const { data: check } = checkDocument.safeParse(result);
  return check === undefined || check.ok ? undefined : { code: check.proof?.error?.code ?? 'repository/damaged' };
}

export function wordedBackup(backup: BackupDocument, wording: Wording): BackupDocument {
  const { error, ...rest } = backup;
  return error === undefined ? rest : { ...rest, error: wording(error) };
}
