import { isCofreError, type RestoreDetailDocument } from '@cofre/contracts';
import { showRestore } from '@cofre/services';
import { notFound } from 'next/navigation';
import { getFormatter, getTranslations } from 'next-intl/server';
import type { PlaceParams } from '#server/restore-place.ts';
import { requireAdministrator } from '#server/require-administrator.ts';
import { errorWords } from '#server/worded.ts';

interface ReportContext {
  readonly params: Promise<PlaceParams & { readonly restoreId: string }>;
}

/** What a restore did, to be kept: as JSON for programs, or as text in the reader's language. */
export async function GET(request: Request, { params }: ReportContext): Promise<Response> {
  // Whoever has to sign in comes back to the page of the restore: a file is none to come to.
  const page = new URL('.', request.url).pathname.replace(/\/$/, '');
  const { service } = await requireAdministrator('planRestore', page);
  const { restoreId } = await params;
  const restore = await showRestore(service, { restore: restoreId }).catch((error: unknown) => {
    if (isCofreError(error, 'restore/not-found') || isCofreError(error, 'usage/invalid')) notFound();
    throw error;
  });
  const isJson = new URL(request.url).searchParams.get('format') === 'json';
  const body = isJson ? `${JSON.stringify(restore, null, 2)}\n` : await reportText(restore);
  return new Response(body, {
    headers: {
      'content-type': isJson ? 'application/json; charset=utf-8' : 'text/plain; charset=utf-8',
      'content-disposition': `attachment; filename="cofre-restore-${restore.id.slice(0, 8)}.${isJson ? 'json' : 'txt'}"`,
      'cache-control': 'no-store',
    },
  });
}

async function reportText(restore: RestoreDetailDocument): Promise<string> {
  const [t, result, format] = await Promise.all([
    getTranslations('restore.report'),
    getTranslations('restore.result'),
    getFormatter(),
  ]);
  const { implementation, error } = restore;
  const title = restore.purpose === 'undo' ? t('undoTitle') : t('title');
  const when = format.dateTime(new Date(restore.createdAt), { dateStyle: 'long', timeStyle: 'long' });
  const lines = [
    title,
    '='.repeat(title.length),
    `${t('implementation')}: ${implementation.module}/${implementation.key}`,
    `${t('restore')}: ${restore.id}`,
    `${t('backup')}: ${restore.backupId}`,
    `${t('safety')}: ${restore.safetyBackupId ?? t('none')}`,
    `${t('when')}: ${when}`,
    `${t('by')}: ${restore.createdBy ?? t('none')}`,
    `${t('state')}: ${t(`states.${restore.status}`)}`,
    ...(error === undefined ? [] : [`${t('error')}: ${(await errorWords(error)).message} (${error.code})`]),
    '',
    `${result('tables')}:`,
    ...restore.tables.map(
      ({ table, inserted, updated, deleted }) =>
        `  ${table}: ${result('inserted')} ${inserted} · ${result('updated')} ${updated} · ${result('deleted')} ${deleted}`,
    ),
  ];
  return `${lines.join('\n')}\n`;
}
