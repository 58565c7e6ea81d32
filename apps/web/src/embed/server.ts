import { type ActionResult, CofreError } from '@cofre/contracts';
import { openPgBossQueue, type ServiceContext } from '@cofre/services';
import { Installation, readEnvironment } from '@cofre/setup';
import { z } from 'zod';
import * as jobs from '#app/actions/admin/modules/jobs.ts';
import * as backups from '#app/actions/admin/modules/module-backups.ts';
import * as restores from '#app/actions/admin/modules/module-restores.ts';
import { isLocale, type Locale } from '#i18n/locales.ts';
import { failedWith } from '#server/run-action.ts';
import type { CofreCall } from './browser/remote-action.ts';
import { currentHost, type Host, withHost } from './host.ts';
import { getViewer } from './stand-ins/viewer.ts';

export type { CofreCall } from './browser/remote-action.ts';

export interface CofreOptions {
  /** `process.env`: `DATABASE_URL`, `COFRE_REPOSITORY`, … as the command line reads them. Read when first needed. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The id in `auth.users` of who sent the request that is being answered; null: nobody. Asked for with every call. */
  readonly userId: () => Promise<string | null>;
  /** Written into backups beside their data. */
  readonly madeBy?: string;
  /** Told of errors that nobody foresaw; default: `console.error`. */
  readonly onUnforeseen?: (error: unknown) => void;
}

/** Who looks at the page that is being made. */
export interface CofreViewer {
  /** The context of use cases (`@cofre/services`) in that person's name. */
  readonly service: ServiceContext;
  readonly isAdministrator: boolean;
}

export interface Cofre {
  /** Answers one call of a component. Throws nothing; who may not do it is refused, and that is in the audit log. */
  answer(call: CofreCall): Promise<ActionResult<unknown>>;
  /** For pages; null: nobody is signed in, or who is may not see anything of Cofre. */
  viewer(): Promise<CofreViewer | null>;
}

/** What the process works with, built when it is first needed. */
export function createCofre(options: CofreOptions): Cofre {
  const { userId, onUnforeseen = report } = options;
  const service = once(() => composeService(options));
  const host = (locale: Locale): Host => ({ service, userId, locale, onUnforeseen });
  return {
    answer(call) {
      const parsed = callSchema.safeParse(call);
      return withHost(host(parsed.data?.locale ?? 'en'), () => (parsed.success ? answer(parsed.data) : refuse()));
    },
    viewer: () => withHost(host('en'), readViewer),
  };
}

const callSchema = z.strictObject({
  name: z.string().max(100),
  input: z.unknown(),
  locale: z.string().transform((locale): Locale => (isLocale(locale) ? locale : 'en')),
});

type Action = (input: unknown) => Promise<ActionResult<unknown>>;

/** What can be called by its name is this and nothing else. Each parses what it is given, whatever type it says. */
const ACTIONS = new Map(Object.entries({ ...jobs, ...backups, ...restores }) as unknown as [string, Action][]);

async function answer({ name, input }: { readonly name: string; readonly input?: unknown }) {
  const action = ACTIONS.get(name);
  return action === undefined ? refuse() : action(input);
}

function refuse(): Promise<ActionResult<never>> {
  return failedWith(new CofreError('usage/invalid', 'The call was not understood. Nothing was started.'));
}

async function readViewer(): Promise<CofreViewer | null> {
  const [service, { actor, role }] = await Promise.all([currentHost().service(), getViewer()]);
  if (role !== 'administrator' && role !== 'viewer') return null;
  return { service: { ...service, actor }, isAdministrator: role === 'administrator' };
}

async function composeService({ environment, madeBy = 'cofre embedded' }: CofreOptions): Promise<ServiceContext> {
  const installation = new Installation({ environment: readEnvironment(environment), madeBy });
  const { url } = await installation.database();
  const queue = await openPgBossQueue({ url, takesJobs: false, onError: () => undefined });
  return { ...(await installation.service()), queue };
}

/** What failed is tried again by the next who asks: a database that is away for a moment must not end it for good. */
function once<Made>(make: () => Promise<Made>): () => Promise<Made> {
  let made: Promise<Made> | undefined;
  return () => {
    made ??= make().catch((error: unknown) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}

function report(error: unknown): void {
  // oxlint-disable-next-line eslint/no-console -- an application that gave no log has this one
  console.error(error);
}
