import { isCofreError } from '@cofre/contracts';
import { pino } from 'pino';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface LoggerOptions {
  readonly level: LogLevel;
  /** Where lines go; each is one JSON document. */
  readonly destination: { write(line: string): unknown };
}

/** What may be said of an event: names of ours, counts and codes. Never values of rows, and never the words of an error. */
export type LogFields = Readonly<Record<string, string | number | boolean | null | readonly string[] | undefined>>;

export interface Logger {
  debug(fields: LogFields, event: string): void;
  info(fields: LogFields, event: string): void;
  warn(fields: LogFields, event: string): void;
  error(fields: LogFields, event: string): void;
}

/** Should one of these ever be logged by name, nothing of it is shown. */
const SECRETS = [
  'passphrase',
  'password',
  'secret',
  'token',
  'key',
  'url',
  'authorization',
  'claims',
  'message',
  'stack',
];

export function createLogger({ level, destination }: LoggerOptions): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      messageKey: 'event',
      redact: { paths: SECRETS.flatMap((name) => [name, `*.${name}`]), censor: '…' },
    },
    destination,
  );
}

/**
 * An error as it is logged: by its code, which has a page in docs/errors. Its words may speak of rows; they stand with the
 * job, where administrators alone read them. Of a mistake of ours, where it happened.
 */
export function errorFields(error: unknown): LogFields {
  if (isCofreError(error) && error.code !== 'internal/bug') return { code: error.code };
  const origin = isCofreError(error) && error.cause instanceof Error ? error.cause : error;
  return { code: 'internal/bug', at: origin instanceof Error ? framesOf(origin) : [] };
}

const FRAMES_MAX = 12;
const FRAME = /^ {4}at .*:\d+:\d+\)?$/;

/**
 * A stack begins with the message, whose lines may look like frames: a server passes on what a trigger raised. Where the
 * message is not found in it, nobody can say where it ends.
 */
function framesOf({ message, stack = '' }: Error): readonly string[] {
  const at = stack.indexOf(message);
  if (at === -1) return [];
  const frames = stack
    .slice(at + message.length)
    .split('\n')
    .filter((line) => FRAME.test(line));
  return frames.slice(0, FRAMES_MAX).map((line) => line.trim());
}
