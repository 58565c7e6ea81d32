import type { BackupDocument, ErrorDocument, JobDocument } from '@cofre/contracts';
import { getTranslations } from 'next-intl/server';

/** Puts the errors that documents carry into the reader's words; their parameters and their cause stay here. */
export type Wording = (error: ErrorDocument) => ErrorDocument;

export async function errorWording(): Promise<Wording> {
  const t = await getTranslations('errors');
  return ({ code }) => {
    // Documents are kept for years: a code of another version may have no words here.
    const known = isKnown(t, code) ? code : 'internal/bug';
    return { code, params: {}, message: t(`${known}.message`), hint: t(`${known}.hint`) };
  };
}

type ErrorTranslations = Awaited<ReturnType<typeof getTranslations<'errors'>>>;
type KnownCode = 'internal/bug';

function isKnown(t: ErrorTranslations, code: string): code is KnownCode {
  // The compiler knows the codes of today; this one is of whoever wrote the document.
  return t.has(`${code}.message` as `${KnownCode}.message`);
}

export function wordedJob(job: JobDocument, wording: Wording): JobDocument {
  const { error, ...rest } = job;
  return error === undefined ? rest : { ...rest, error: wording(error) };
}

export function wordedBackup(backup: BackupDocument, wording: Wording): BackupDocument {
  const { error, ...rest } = backup;
  return error === undefined ? rest : { ...rest, error: wording(error) };
}
