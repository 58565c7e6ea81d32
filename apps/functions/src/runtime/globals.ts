// What packages that were written for Node take for global (`build.ts` puts it in). In Deno 2.1 there is no `Buffer`, and
// timers are numbers.
export { Buffer } from 'node:buffer';
export { default as process } from 'node:process';
export { clearImmediate, clearInterval, clearTimeout, setImmediate, setInterval, setTimeout } from 'node:timers';
