import { exportFormat, isCofreError } from '@cofre/contracts';
import { type BackupExport, exportBackup, type ServiceContext, showBackup, toCofreError } from '@cofre/services';
import { notFound, redirect } from 'next/navigation';
import { backupPath } from '#lib/paths.ts';
import { decoded } from '#server/find-implementation.ts';
import { log } from '#server/log.ts';
import { requireAdministrator } from '#server/require-administrator.ts';
import { streamOf } from '#server/stream-of.ts';

interface DownloadContext {
  readonly params: Promise<{ readonly module: string; readonly implementation: string; readonly backup: string }>;
}

type Download = ReturnType<BackupExport['download']>;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * A backup as a file, without its secret columns: read from the repository as the browser takes it. That somebody took the
 * rows is in the log. What cannot even begin leads back to the backup's page, which says why.
 */
export async function GET(request: Request, { params }: DownloadContext): Promise<Response> {
  const { service } = await requireAdministrator('exportBackup');
  const { module, implementation, backup } = await params;
  const place = { module: decoded(module) ?? '', key: decoded(implementation) ?? '' };
  // A link on somebody else's page: nothing leaks to it, but nobody should find an export in the log that they never asked for.
  if (request.headers.get('sec-fetch-site') === 'cross-site') notFound();
  const { data: format } = exportFormat.safeParse(new URL(request.url).searchParams.get('format') ?? 'sql');
  if (format === undefined || !(await isThere(service, place, backup))) notFound();
  let download: Download;
  try {
    download = (await exportBackup(service, { backup, format })).download();
  } catch (error) {
    const { code } = toCofreError(error);
    log().warn({ err: error, code }, 'a download could not begin');
    redirect(`${backupPath({ id: backup, implementation: place })}?failed=${encodeURIComponent(code)}`);
  }
  return new Response(streamOf(download.chunks), { headers: headersOf(download) });
}

interface Place {
  readonly module: string;
  readonly key: string;
}

/** Whether the implementation of the address has this backup. */
async function isThere(service: ServiceContext, { module, key }: Place, backup: string): Promise<boolean> {
  if (!UUID.test(backup)) return false;
  try {
    const { implementation } = await showBackup(service, { backup });
    return implementation.module === module && implementation.key === key;
  } catch (error) {
    if (isCofreError(error, 'backup/not-found')) return false;
    throw error;
  }
}

function headersOf({ name, mediaType }: Download): Readonly<Record<string, string>> {
  return {
    'content-type': mediaType,
    'content-disposition': `attachment; filename="${name.replaceAll(/[^\w.-]/g, '_')}"; filename*=UTF-8''${encodeURIComponent(name)}`,
    'cache-control': 'no-store',
  };
}
