import { parseInput, type ShowStatisticsInput, type StatisticsDocument, showStatisticsInput } from '@cofre/contracts';
import { authorize } from '../access/authorize.ts';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import { toErrorDocument } from '../error-document.ts';
import type { ServiceContext } from '../service-context.ts';
import { type BackupFigures, type DurationFigures, readBackupDurations, readBackupFigures } from './backup-figures.ts';
import { measureRepository } from './measure-repository.ts';
import { type PlaceFigures, readImplementationFigures, readModuleFigures } from './place-figures.ts';
import { readRestoreFigures } from './restore-figures.ts';
import type { FiguresOptions } from './which-backups.ts';

const PERIOD_MS = 30 * 86_400_000;
/** A person waits for the answer; the size of a larger repository is a lower bound. */
const LISTING_MS = 10_000;

/** What is stored, what was made, how much of it succeeded. Counts and sums; never a value, a name of a table or an error. */
export async function showStatistics(
  caller: Pick<ServiceContext, 'catalogue' | 'actor' | 'clock' | 'store' | 'signal'>,
  input: ShowStatisticsInput = {},
): Promise<StatisticsDocument> {
  const { implementation, module, since: asked, top } = parseInput(showStatisticsInput, input);
  const context = await authorize(caller, 'showStatistics');
  const now = context.clock.now();
  const since = asked === undefined ? new Date(now.getTime() - PERIOD_MS) : new Date(asked);
  const options = { implementation, module, now, since };
  const isWhole = implementation === undefined && module === undefined;
  // One snapshot, so that the parts add up.
  const figures = await context.catalogue
    .transaction()
    .setIsolationLevel('repeatable read')
    .execute((catalogue) => readFigures(catalogue, { ...options, top }));
  return {
    ...(implementation === undefined ? {} : { implementation }),
    ...(module === undefined ? {} : { module }),
    now: now.toISOString(),
    since: since.toISOString(),
    ...figures,
    ...(isWhole ? await sizeOf(context) : {}),
  };
}

async function readFigures(catalogue: Catalogue, options: FiguresOptions & { readonly top: number }) {
  const figures = await readBackupFigures(catalogue, options);
  const durations = await readBackupDurations(catalogue, options);
  const restores = await readRestoreFigures(catalogue, options);
  const modules = await readModuleFigures(catalogue, options);
  const implementations = await readImplementationFigures(catalogue, options);
  const all = modules.reduce((sum, place) => sum + place.implementations, 0);
  return {
    backups: backupsOf(figures),
    period: {
      backups: periodOf(figures, durations),
      restores: { ...restores, successRate: successRate(restores.done, restores.failed) },
    },
    modules: modules.map(withTimes),
    implementations: implementations.map(withTimes),
    implementationsLeftOut: Math.max(0, all - implementations.length),
  };
}

function withTimes<Place extends PlaceFigures>(place: Place) {
  return {
    ...place,
    newestAt: iso(place.newestAt),
    lastVerifiedAt: iso(place.lastVerifiedAt),
    lastProvenAt: iso(place.lastProvenAt),
  };
}

function backupsOf(figures: readonly BackupFigures[]): StatisticsDocument['backups'] {
  const completed = figures.filter(({ status }) => status === 'completed');
  const sum = (of: readonly BackupFigures[], figure: (group: BackupFigures) => number) =>
    of.reduce((total, group) => total + figure(group), 0);
  const by =
    <Name extends 'type' | 'status' | 'origin'>(name: Name) =>
    (value: BackupFigures[Name]) =>
      sum(
        figures.filter((group) => group[name] === value),
        ({ backups }) => backups,
      );
  const [ofType, ofStatus, ofOrigin] = [by('type'), by('status'), by('origin')];
  return {
    total: sum(figures, ({ backups }) => backups),
    byType: {
      full: ofType('full'),
      incremental: ofType('incremental'),
      differential: ofType('differential'),
      config_only: ofType('config_only'),
    },
    byStatus: {
      pending: ofStatus('pending'),
      running: ofStatus('running'),
      completed: ofStatus('completed'),
      failed: ofStatus('failed'),
      canceled: ofStatus('canceled'),
    },
    byOrigin: {
      manual: ofOrigin('manual'),
      scheduled: ofOrigin('scheduled'),
      safety: ofOrigin('safety'),
      imported: ofOrigin('imported'),
    },
    rows: sum(completed, ({ rows }) => rows),
    bytesRaw: sum(completed, ({ bytesRaw }) => bytesRaw),
    bytesStored: sum(completed, ({ bytesStored }) => bytesStored),
    newestAt: newest(completed.map(({ newestAt }) => newestAt)),
    oldestAt: oldest(completed.map(({ oldestAt }) => oldestAt)),
    held: sum(figures, ({ held }) => held),
    expiredKept: sum(figures, ({ expired }) => expired),
    orphans: sum(figures, ({ orphans }) => orphans),
    missing: sum(figures, ({ missing }) => missing),
    verified: {
      backups: sum(completed, ({ verified }) => verified),
      newestAt: newest(completed.map(({ newestVerifiedAt }) => newestVerifiedAt)),
      oldestAt: oldest(completed.map(({ oldestVerifiedAt }) => oldestVerifiedAt)),
    },
    proven: {
      backups: sum(completed, ({ proven }) => proven),
      newestAt: newest(completed.map(({ newestProvenAt }) => newestProvenAt)),
      oldestAt: oldest(completed.map(({ oldestProvenAt }) => oldestProvenAt)),
    },
  };
}

function periodOf(
  figures: readonly BackupFigures[],
  durations: DurationFigures,
): StatisticsDocument['period']['backups'] {
  const sum = (status: BackupFigures['status'], name: keyof BackupFigures['period']) =>
    figures.reduce((total, group) => (group.status === status ? total + group.period[name] : total), 0);
  const [completed, failed] = [sum('completed', 'backups'), sum('failed', 'backups')];
  return {
    completed,
    failed,
    canceled: sum('canceled', 'backups'),
    successRate: successRate(completed, failed),
    rows: sum('completed', 'rows'),
    bytesRaw: sum('completed', 'bytesRaw'),
    bytesStored: sum('completed', 'bytesStored'),
    ...durations,
  };
}

/** Without the repository the catalogue's figures are as true as with it. */
async function sizeOf(
  context: Pick<ServiceContext, 'clock' | 'store' | 'signal'>,
): Promise<Pick<StatisticsDocument, 'repository' | 'repositoryError'>> {
  const { clock, store, signal } = context;
  try {
    const until = new Date(clock.now().getTime() + LISTING_MS);
    const { measuredAt, ...size } = await measureRepository(store, { clock, until, signal });
    return { repository: { ...size, measuredAt: measuredAt.toISOString() } };
  } catch (error) {
    signal?.throwIfAborted();
    return { repositoryError: toErrorDocument(error) };
  }
}

function successRate(done: number, failed: number): number | null {
  return done + failed === 0 ? null : done / (done + failed);
}

function newest(times: readonly (Date | null)[]): string | null {
  return iso(times.reduce((best, time) => (time !== null && (best === null || time > best) ? time : best), null));
}

function oldest(times: readonly (Date | null)[]): string | null {
  return iso(times.reduce((best, time) => (time !== null && (best === null || time < best) ? time : best), null));
}

function iso(time: Date | null): string | null {
  return time?.toISOString() ?? null;
}
