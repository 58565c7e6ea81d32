import { AsyncLocalStorage } from 'node:async_hooks';
import type { ServiceContext } from '@cofre/services';
import type { Locale } from '#i18n/locales.ts';

/** What the application around us gave, for one request: what the web admin's own modules are replaced by reads it from here. */
export interface Host {
  readonly service: () => Promise<ServiceContext>;
  /** The id in `auth.users` of who is signed in; null: nobody. */
  readonly userId: () => Promise<string | null>;
  readonly locale: Locale;
  /** Told of what was not foreseen; nothing of it is answered. */
  readonly onUnforeseen: (error: unknown) => void;
}

const hosts = new AsyncLocalStorage<Host>();

/** Two requests of two people are answered at the same time, so the host goes with the call and not with the module. */
export function withHost<Result>(host: Host, work: () => Promise<Result>): Promise<Result> {
  return hosts.run(host, work);
}

export function currentHost(): Host {
  const host = hosts.getStore();
  if (host === undefined) throw new Error('Nothing is answered outside of createCofre().');
  return host;
}
