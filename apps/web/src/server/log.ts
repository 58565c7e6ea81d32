import { pino } from 'pino';
import { webEnvironment } from './environment.ts';

let made: ReturnType<typeof pino> | null = null;

/** What operators read: JSON lines on stderr. Never a password, a cookie or a value of a row. */
export function log(): ReturnType<typeof pino> {
  made ??= pino({ name: 'cofre-web', level: webEnvironment().COFRE_LOG }, pino.destination(2));
  return made;
}
