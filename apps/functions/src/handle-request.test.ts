import { CofreError } from '@cofre/contracts';
import { describe, expect, it } from 'vitest';
import { type FunctionOptions, handleRequest } from './handle-request.ts';

const AUTHORIZED = { authorization: 'Bearer secret' };
const at = (path: string) => `http://localhost${path}`;

function setUp(run: FunctionOptions['run'] = async () => ({ done: 1 })) {
  const log: string[] = [];
  const bodies: unknown[] = [];
  const options: FunctionOptions = {
    name: 'execute-scheduled-backups',
    secrets: { cronSecret: 'secret', serviceRoleKey: undefined, secretKeys: [] },
    clock: { now: () => new Date() },
    run: async (body) => {
      bodies.push(body);
      return run(body);
    },
    log: (line) => void log.push(line),
  };
  const call = async (init: RequestInit = {}, path = '/') => {
    const response = await handleRequest(
      new Request(at(path), { method: 'POST', headers: AUTHORIZED, ...init }),
      options,
    );
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, body: JSON.parse(text) as unknown };
  };
  return { call, log, bodies };
}

describe('a request to a function', () => {
  it('is answered with what was done, as JSON that nobody keeps', async () => {
    const { call } = setUp();
    const { status, body, headers } = await call();
    expect({ status, body }).toEqual({ status: 200, body: { done: 1 } });
    expect(headers.get('content-type')).toBe('application/json');
    expect(headers.get('cache-control')).toBe('no-store');
  });

  it.each([
    '/',
    '/execute-scheduled-backups',
    '/execute-scheduled-backups/',
    '/functions/v1/execute-scheduled-backups',
  ])('is for us at %s', async (path) => {
    expect((await setUp().call({}, path)).status).toBe(200);
  });

  it.each(['/other', '/execute-scheduled-backups/x', '//', '/cleanup-expired-backups'])(
    'finds nothing at %s',
    async (path) => {
      const { call, bodies } = setUp();
      expect(await call({}, path)).toMatchObject({ status: 404, body: { error: { code: 'usage/invalid' } } });
      expect(bodies).toEqual([]);
    },
  );

  it.each(['GET', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])('is not done by %s', async (method) => {
    const { call, bodies } = setUp();
    const { status, headers } = await call({ method });
    expect(status).toBe(405);
    expect(headers.get('allow')).toBe('POST');
    expect(bodies).toEqual([]);
  });

  it('without proof of who makes it is refused before its body is read', async () => {
    const { call, bodies } = setUp();
    const body = '{"broken';
    expect(await call({ headers: {}, body })).toMatchObject({
      status: 401,
      body: { error: { code: 'access/not-signed-in', hint: expect.any(String) } },
    });
    expect(bodies).toEqual([]);
  });

  it('hands on the JSON that it brings; none is {}', async () => {
    const { call, bodies } = setUp();
    await call();
    await call({ body: ' \n' });
    await call({ body: '{"dryRun":true}' });
    expect(bodies).toEqual([{}, {}, { dryRun: true }]);
  });

  it('with a body that is no JSON, or huge, is refused', async () => {
    const { call, bodies } = setUp();
    for (const body of ['{', 'null,', `"${'x'.repeat(70_000)}"`]) {
      expect(await call({ body })).toMatchObject({ status: 400, body: { error: { code: 'usage/invalid' } } });
    }
    expect(bodies).toEqual([]);
  });

  it('tells errors with the status of their code, and logs those that are no fault of the call', async () => {
    const unreachable = new CofreError('database/unreachable', 'The database does not answer.');
    const { call, log } = setUp(() => Promise.reject(unreachable));
    expect(await call()).toMatchObject({ status: 500 });
    const { body } = await call();
    expect(body).toEqual({
      error: { code: 'database/unreachable', message: unreachable.message, hint: unreachable.hint },
    });
    expect(log).toContainEqual('execute-scheduled-backups: database/unreachable: The database does not answer.');

    const invalid = setUp(() => Promise.reject(new CofreError('usage/invalid', 'What?')));
    expect(await invalid.call()).toMatchObject({ status: 400 });
    expect(invalid.log).toEqual([]);
  });

  it('keeps what nobody foresaw in the log', async () => {
    for (const thrown of [
      new Error('postgres://user:password@host'),
      new CofreError('internal/bug', 'assert password'),
    ]) {
      const { call, log } = setUp(() => Promise.reject(thrown));
      const { status, text } = await call();
      expect(status).toBe(500);
      expect(text).not.toMatch(/password|at .*\.ts/);
      expect(text).toContain('internal/bug');
      expect(log.join()).toContain('password');
    }
  });
});
