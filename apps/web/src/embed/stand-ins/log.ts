import { currentHost } from '../host.ts';

interface Told {
  readonly error: (facts: { readonly err: unknown }, words: string) => void;
  readonly info: (facts: object, words: string) => void;
}

/** In the place of `#server/log.ts`: the application has a log of its own. What was refused is in the audit log. */
export function log(): Told {
  return { error: ({ err }) => currentHost().onUnforeseen(err), info: () => undefined };
}
