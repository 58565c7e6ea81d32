import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applyRestore, planRestore } from '../../packages/services/src/index.ts';
import { databaseState } from '../support/database-state.ts';
import { type BuiltAction, builtActions, builtRoutes } from '../support/web-manifest.ts';
import { startWeb, type TestWeb, WEB_START_MS } from '../support/web-server.ts';
import { cookieHeader } from '../support/web-session.ts';

/** Open to everybody. A route that is new is not in here, and has to refuse. */
const PUBLIC_ROUTES = new Set([
  '/page',
  '/sign-in/page',
  '/new-password/page',
  '/icon.svg/route',
  '/_not-found/page',
  '/_global-error/page',
]);

/** Lists and counts, which viewers see, too. Everything else is not there for them. */
const VIEWERS_ROUTES = new Set([
  '/(protected)/admin/modules/page',
  '/(protected)/admin/modules/[module]/[implementation]/page',
  '/(protected)/admin/modules/[module]/[implementation]/backups/[backup]/page',
  '/(protected)/admin/jobs/events/route',
]);

/** What signs people in and out, and how they want to see it (`door.test.ts`). */
const PUBLIC_ACTIONS = new Set(['signIn', 'signOut', 'changePassword', 'choosePreference']);

const VIEWERS_ACTIONS = new Set(['listModuleBackups', 'showModuleBackupDays', 'listModuleJobs', 'showModuleJob']);

const ABSENT = '99999999-9999-4999-8999-999999999999';

/** What calls are about: things that are there, or by the same names things that are not. */
interface Things {
  readonly implementation: string;
  readonly implementationId: string;
  readonly backup: string;
  readonly plan: string;
  readonly restore: string;
  readonly job: string;
}

const NOTHING: Things = {
  implementation: 'shop/none',
  implementationId: ABSENT,
  backup: ABSENT,
  plan: ABSENT,
  restore: ABSENT,
  job: ABSENT,
};

type Fields = Readonly<Record<string, unknown>>;

/** A call of each that an administrator may make. One that is new has to be added: a test says so. */
const CALLS: Readonly<Record<string, (things: Things) => Fields>> = {
  createModuleBackup: ({ implementation }) => ({ implementation }),
  createModuleBackups: ({ implementationId }) => ({ implementations: [implementationId] }),
  listModuleBackups: () => ({}),
  showModuleBackupDays: ({ implementation }) => ({ implementation }),
  showModuleBackupSettings: ({ implementation }) => ({ implementation }),
  holdModuleBackup: ({ backup }) => ({ backup, reason: 'to see' }),
  keepModuleBackup: ({ backup }) => ({ backup, reason: 'to see' }),
  releaseModuleBackup: ({ backup }) => ({ backup }),
  verifyModuleBackup: ({ backup }) => ({ backup }),
  deleteModuleBackup: ({ backup }) => ({ backup }),
  listModuleBackupTables: ({ backup }) => ({ backup }),
  showModuleRecentChanges: ({ implementation }) => ({ implementation }),
  proposeModuleBackup: ({ implementation }) => ({ implementation, before: '2100-01-01T00:00:00.000Z' }),
  previewModuleRestore: ({ backup }) => ({ backup }),
  showModulePlan: ({ plan }) => ({ plan }),
  readModulePlanRows: ({ plan }) => ({ plan, table: 'public.item' }),
  restoreModuleBackup: ({ plan }) => ({ plan }),
  undoModuleRestore: ({ restore }) => ({ restore }),
  listModuleJobs: () => ({}),
  showModuleJob: ({ job }) => ({ job }),
  cancelModuleJob: ({ job }) => ({ job }),
  estimateModuleBackup: ({ implementation }) => ({ implementation }),
  takeModuleRecoveryKit: () => ({}),
  damageModuleDemo: () => ({}),
};

function callOf({ name }: BuiltAction, things: Things): Fields {
  return CALLS[name]?.(things) ?? {};
}

type Visitor = 'outsider' | 'customer' | 'viewer' | 'administrator' | 'newcomer';

interface Answer {
  readonly status: number;
  readonly location: string | null;
  readonly cookies: readonly string[];
  readonly body: string;
}

/** What no answer may hold: secrets, what is behind, and how the inside looks. */
const NEVER =
  /key-of-(one|two)|scrypt\$|postgres(ql)?:\/\/|\n\s+at \S+ \(|node_modules\/|packages\/[a-z]+\/src|\/apps\/web\//;

describe('whoever may not', () => {
  let web: TestWeb;
  let things: Things;
  let secret: string;
  let cookies: Readonly<Record<Visitor, string>>;
  beforeAll(async () => {
    web = await startWeb();
    const cookie = async (person: Exclude<Visitor, 'outsider'>) => cookieHeader(await web.session(person));
    cookies = {
      outsider: '',
      customer: await cookie('customer'),
      viewer: await cookie('viewer'),
      administrator: await cookie('administrator'),
      newcomer: await cookie('newcomer'),
    };
    secret = (await readFile(path.join(web.home, 'auth.secret'), 'utf8')).trim();
    things = await makeThings();
  }, WEB_START_MS);
  afterAll(() => web[Symbol.asyncDispose]());

  /** A backup, a restore that can be undone, a plan that can be carried out, and a job that waits. */
  async function makeThings(): Promise<Things> {
    const { context, place, db } = web;
    const damage = (price: number) => db.query('UPDATE public.item SET price = $1 WHERE store_id = 1', [price]);
    await damage(1);
    const { id: restore } = await applyRestore(context, {
      plan: (await planRestore(context, { backup: place.backupId })).id,
    });
    await damage(2);
    const { id: plan } = await planRestore(context, { backup: place.backupId });
    const ids = await db.query(`SELECT id FROM cofre.v_module_implementations WHERE key = 'one'`);
    const known = {
      implementation: 'shop/one',
      implementationId: ids.rows[0].id,
      backup: place.backupId,
      plan,
      restore,
    };
    const [createBackup] = builtActions().filter(({ name }) => name === 'createModuleBackup');
    if (createBackup === undefined) throw new Error('there is an action that makes backups');
    const { body } = await call(createBackup, [{ implementation: 'shop/two' }]);
    const job = /"id":"([0-9a-f-]{36})"/.exec(body)?.[1];
    if (job === undefined) throw new Error(`no job was made: ${body}`);
    return { ...known, job };
  }

  const parameters = (given: Things) => ({
    module: 'shop',
    implementation: given === NOTHING ? 'none' : 'one',
    backup: given.backup,
    backupId: given.backup,
    restoreId: given.restore,
    nowhere: 'nowhere',
  });
  const guarded = (given: Things) => builtRoutes(parameters(given)).filter(({ entry }) => !PUBLIC_ROUTES.has(entry));
  const guardedActions = () => builtActions().filter(({ name }) => !PUBLIC_ACTIONS.has(name));

  /** As it came, without what is drawn anew for each; fails if there is something in it that is nobody's business. */
  async function examined(answer: Response): Promise<Answer> {
    const isStream = answer.headers.get('content-type')?.startsWith('text/event-stream') === true;
    if (isStream) await answer.body?.cancel();
    const text = isStream ? '' : await answer.text();
    expect(text, answer.url).not.toMatch(NEVER);
    expect(text, answer.url).not.toContain(secret);
    const { status, headers } = answer;
    return { status, location: headers.get('location'), cookies: headers.getSetCookie(), body: text };
  }

  async function ask(asked: string, who: Visitor, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const given = { cookie: cookies[who], 'accept-language': 'en', ...headers };
    return examined(await fetch(`${web.url}${asked}`, { redirect: 'manual', headers: given }));
  }

  interface CallOptions {
    readonly as?: Visitor;
    /** Headers instead of a browser's; undefined: not sent. */
    readonly headers?: Readonly<Record<string, string | undefined>>;
    readonly things?: Things;
  }

  /** As a browser calls it: by its id, from a page that has it. */
  async function call(action: BuiltAction, args: unknown, options: CallOptions = {}): Promise<Answer> {
    const { as = 'administrator', headers = {}, things: about = things ?? NOTHING } = options;
    const page = builtRoutes(parameters(about)).find(({ entry }) => entry === action.entry);
    if (page === undefined) throw new Error(`${action.name} is on no page`);
    const sent = {
      'content-type': 'text/plain;charset=UTF-8',
      accept: 'text/x-component',
      'accept-language': 'en',
      'next-action': action.id,
      origin: web.url,
      cookie: cookies[as],
      ...headers,
    };
    const given = Object.entries(sent).filter((entry): entry is [string, string] => entry[1] !== undefined);
    const body = typeof args === 'string' || args instanceof FormData ? args : JSON.stringify(args);
    return examined(
      await fetch(`${web.url}${page.path}`, { method: 'POST', redirect: 'manual', headers: given, body }),
    );
  }

  /** Of an answer that is no refusal: all of it, for messages. */
  const codeIn = (answer: Answer): string =>
    /"success":false,"error":\{"code":"([a-z-]+\/[a-z-]+)"/.exec(answer.body)?.[1] ??
    `${answer.status} ${resultOf(answer)}`;
  const isDone = ({ body }: Answer) => body.includes('"success":true');

  /**
   * Everything but the audit log, of which only refusals are counted, the counts of refused sign-ins, and what the queue notes
   * of itself as time goes by.
   */
  const state = () =>
    databaseState(
      web.db,
      new Set(['public.audit_logs', 'cofre_auth.rate_limits', 'cofre_queue.instance', 'cofre_queue.version']),
    );
  const refusals = async (): Promise<number> => {
    const counted = `SELECT count(*)::int AS count FROM public.audit_logs WHERE action = 'ACCESS_DENIED' AND outcome = 'refused'`;
    return (await web.db.query(counted)).rows[0].count;
  };

  /** Does it, and fails if anything was changed; gives how many refusals were logged. */
  async function unchanged(work: () => Promise<unknown>): Promise<number> {
    const [before, loggedBefore] = [await state(), await refusals()];
    await work();
    expect(await state()).toEqual(before);
    return (await refusals()) - loggedBefore;
  }

  describe('and asks for a page', () => {
    it.each(['outsider', 'customer'] as const)('is sent to sign in as %s, whether it is there or not', async (who) => {
      expect(guarded(things).length).toBeGreaterThan(5);
      await unchanged(async () => {
        for (const [index, { entry, path: there }] of guarded(things).entries()) {
          const answer = await ask(there, who);
          if (entry === '/(protected)/admin/jobs/events/route') {
            expect(answer, there).toMatchObject({ status: who === 'outsider' ? 401 : 403, body: '' });
            continue;
          }
          expect([answer.status, doorOf(answer)], there).toEqual([307, '/sign-in']);
          expect(answer.body, there).not.toMatch(/Store One|sku-|shop\/one/);
          const absent = await ask(guarded(NOTHING)[index]?.path ?? '', who);
          expect(wordsOf(absent), there).toEqual(wordsOf(answer));
        }
      });
    });

    it.each(['outsider', 'customer'] as const)('gets nothing of it in parts, either, as %s', async (who) => {
      // What the router of the browser asks for: a page without its layouts, which would have refused.
      const parts = { rsc: '1', 'next-router-state-tree': encodeURIComponent(JSON.stringify(['', {}])) };
      for (const headers of [parts, { ...parts, 'next-router-prefetch': '1' }])
        for (const { path: there } of guarded(things)) {
          const { body } = await ask(there, who, headers);
          expect(body, there).not.toMatch(/Store One|sku-|"hours"|backups\.title/);
        }
    });

    it('sees lists and counts as viewer, no values, and the rest as if it were not there', async () => {
      await unchanged(async () => {
        for (const [index, { entry, path: there }] of guarded(things).entries()) {
          const answer = await ask(there, 'viewer');
          expect(answer.body, there).not.toMatch(/sku-\d|"hours"|\bvat\b/);
          if (VIEWERS_ROUTES.has(entry)) {
            expect(answer.status, there).toBe(200);
            continue;
          }
          expect(answer.status, there).toBe(404);
          const absent = await ask(guarded(NOTHING)[index]?.path ?? '', 'viewer');
          expect(wordsOf(absent), there).toEqual(wordsOf(answer));
        }
      });
    });

    it('has to choose a password first, with one that opens once', async () => {
      for (const { entry, path: there } of guarded(things)) {
        const answer = await ask(there, 'newcomer');
        if (entry.endsWith('/events/route')) expect(answer.status).toBe(403);
        else expect([answer.status, doorOf(answer)], there).toEqual([307, '/new-password']);
      }
    });

    it('is shown every one as administrator, without a secret', async () => {
      for (const { entry, path: there } of guarded(things)) {
        const { status } = await ask(there, 'administrator');
        expect(status, there).toBe(entry.includes('nowhere') ? 404 : 200);
      }
    });

    it('is nobody with a cookie that was made or changed by hand', async () => {
      const [name = '', value = ''] = cookies.administrator.split(/=(.*)/s);
      const [token = '', signature = ''] = decodeURIComponent(value).split('.');
      const other = token.startsWith('a') ? `b${token.slice(1)}` : `a${token.slice(1)}`;
      for (const forged of [
        token,
        `${token}.`,
        `${other}.${signature}`,
        `${token}.${signature.toLowerCase()}`,
        '.',
        '',
      ]) {
        const cookie = `${name}=${encodeURIComponent(forged)}`;
        const answer = await ask('/admin/modules', 'outsider', { cookie });
        expect([answer.status, answer.location], forged).toEqual([307, '/sign-in']);
      }
      expect((await ask('/admin/modules', 'outsider', { cookie: cookies.administrator })).status).toBe(200);
    });

    it('changes nothing by asking in another way than pages are asked for', async () => {
      await unchanged(async () => {
        for (const { entry, path: there } of guarded(things))
          for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
            const headers = { cookie: cookies.administrator, 'content-type': 'application/json' };
            const body = JSON.stringify({ backup: things.backup });
            const answer = await examined(await fetch(`${web.url}${there}`, { method, headers, body }));
            if (entry.endsWith('/route')) expect(answer.status, `${method} ${there}`).toBe(405);
          }
      });
    });

    it('gets a plain answer to an address that no browser writes', async () => {
      const odd = ['/admin/modules/%E0%A4%A/one', '/admin/modules/shop%2Fone/x', '/admin/modules/shop/one/restore/%00'];
      for (const there of [...odd, '/admin/modules/..%2f..%2fetc/passwd', `/admin/modules/${'x'.repeat(5000)}/one`])
        for (const who of ['outsider', 'viewer', 'administrator'] as const) {
          const { status, body } = await ask(there, who);
          expect(status, `${there.slice(0, 60)} as ${who}`).toBe(who === 'outsider' ? 307 : 404);
          if (who !== 'outsider') expect(body).toContain('There is nothing here');
        }
    });
  });

  describe('and calls an action', () => {
    it('can call none that these tests do not know', () => {
      const names = guardedActions().map(({ name }) => name);
      expect(names.filter((name) => !(name in CALLS))).toEqual([]);
      expect(Object.keys(CALLS).filter((name) => !names.includes(name))).toEqual([]);
    });

    it('changes nothing as outsider, is told nothing, and every attempt is logged', async () => {
      const actions = guardedActions();
      expect(actions.length).toBeGreaterThan(10);
      const logged = await unchanged(async () => {
        for (const action of actions) {
          const answer = await call(action, [callOf(action, things)], { as: 'outsider' });
          expect(codeIn(answer), action.name).toBe('access/not-signed-in');
        }
      });
      expect(logged).toBe(actions.length);
    });

    it('changes nothing as customer, hears the same of what is there and what is not, and it is logged', async () => {
      const actions = guardedActions();
      const logged = await unchanged(async () => {
        for (const action of actions) {
          const there = await call(action, [callOf(action, things)], { as: 'customer' });
          const absent = await call(action, [callOf(action, NOTHING)], { as: 'customer' });
          expect(codeIn(there), action.name).toMatch(/^access\/denied$|\/not-found$/);
          expect(resultOf(absent), action.name).toBe(resultOf(there));
        }
      });
      expect(logged).toBe(2 * actions.length);
    });

    it('changes nothing as viewer, and every attempt is logged', async () => {
      const actions = guardedActions();
      const denied = actions.filter(({ name }) => !VIEWERS_ACTIONS.has(name));
      const logged = await unchanged(async () => {
        for (const action of actions) {
          const answer = await call(action, [callOf(action, things)], { as: 'viewer' });
          if (VIEWERS_ACTIONS.has(action.name)) expect(isDone(answer), action.name).toBe(true);
          else expect(codeIn(answer), action.name).toBe('access/denied');
        }
      });
      expect(logged).toBe(denied.length);
    });

    it('has to choose a password first, and every attempt before is logged', async () => {
      const actions = guardedActions();
      const logged = await unchanged(async () => {
        for (const action of actions) {
          const answer = await call(action, [callOf(action, things)], { as: 'newcomer' });
          expect(codeIn(answer), action.name).toBe('access/password-change-needed');
        }
      });
      expect(logged).toBe(actions.length);
    });

    it.each(['outsider', 'customer', 'viewer'] as const)('learns nothing from nonsense as %s', async (who) => {
      const actions = guardedActions().filter(({ name }) => !VIEWERS_ACTIONS.has(name));
      const logged = await unchanged(async () => {
        for (const action of actions) {
          const answer = await call(action, [{ nonsense: true }], { as: who });
          expect(codeIn(answer), action.name).toMatch(/^access\/(denied|not-signed-in)$|\/not-found$/);
        }
      });
      expect(logged).toBe(actions.length);
    });

    it('changes nothing from elsewhere, even with the session of an administrator', async () => {
      const port = Number(new URL(web.url).port);
      const origins = [
        'https://evil.example',
        `http://localhost:${port + 1}`,
        `http://127.0.0.1:${port}`,
        'null',
        'nonsense',
      ];
      const actions = guardedActions();
      await unchanged(async () => {
        for (const action of actions)
          for (const origin of origins) {
            const answer = await call(action, [callOf(action, things)], { headers: { origin } });
            expect(isDone(answer), `${action.name} from ${origin}`).toBe(false);
          }
      });
    });

    it('changes nothing without saying from where, and every attempt is logged', async () => {
      const actions = guardedActions();
      const logged = await unchanged(async () => {
        for (const action of actions) {
          const answer = await call(action, [callOf(action, things)], { headers: { origin: undefined } });
          expect(codeIn(answer), action.name).toBe('access/denied');
        }
      });
      expect(logged).toBe(actions.length);
    });

    it('signs nobody in or out, changes no password and keeps no choice, from elsewhere', async () => {
      const { email, password } = web.accounts.administrator;
      const fields = {
        email,
        password,
        current: password,
        next: 'chosen by somebody else',
        again: 'chosen by somebody else',
      };
      const send = (action: BuiltAction, origin: string | undefined) => {
        const form = new FormData();
        for (const [name, value] of Object.entries(fields)) form.append(`1_${name}`, value);
        const args = { signOut: [], choosePreference: [{ theme: 'dark' }] }[action.name] ?? [null, '$K1'];
        form.append('0', JSON.stringify(args));
        return call(action, form, { headers: { 'content-type': undefined, origin } });
      };
      const actions = builtActions().filter(({ name }) => PUBLIC_ACTIONS.has(name));
      expect(actions.map(({ name }) => name).toSorted()).toEqual([...PUBLIC_ACTIONS].toSorted());
      await unchanged(async () => {
        for (const action of actions)
          for (const origin of ['https://evil.example', undefined])
            expect((await send(action, origin)).cookies, `${action.name} from ${origin ?? 'nowhere'}`).toEqual([]);
      });
      const [choose] = actions.filter(({ name }) => name === 'choosePreference');
      if (choose !== undefined) expect((await send(choose, web.url)).cookies).toHaveLength(1);
    });

    it('changes nothing by a form of another site', async () => {
      await unchanged(async () => {
        for (const { id, name } of guardedActions())
          for (const origin of ['https://evil.example', null]) {
            const form = new FormData();
            form.append(`$ACTION_ID_${id}`, '');
            form.append('backup', things.backup);
            const headers = { cookie: cookies.administrator, ...(origin === null ? {} : { origin }) };
            const { status, body } = await examined(
              await fetch(`${web.url}/admin/modules`, { method: 'POST', redirect: 'manual', headers, body: form }),
            );
            expect(body.includes('"success":true'), `${name}: ${status}`).toBe(false);
          }
      });
    });
  });

  describe('and forges what an administrator sends', () => {
    /** Where any text may be right. */
    const ANY_TEXT: Readonly<Record<string, string>> = {
      holdModuleBackup: 'reason',
      keepModuleBackup: 'reason',
      proposeModuleBackup: 'implementation',
    };

    /** The arguments of a call with one thing wrong with them each. */
    function forgeries(name: string, fields: Fields): readonly unknown[] {
      const keys = Object.keys(fields);
      return [
        [{ ...fields, userId: web.accounts.administrator.userId }],
        [{ ...fields, actor: { kind: 'operator', name: 'root' } }],
        [{ ...fields, constructor: { prototype: { role: 'admin' } } }],
        [null],
        [],
        ['text'],
        [7],
        [[fields]],
        ...keys.map((key) => [{ ...fields, [key]: { $ne: null } }]),
        ...keys.map((key) => [{ ...fields, [key]: 1 }]),
        ...keys.filter((key) => key !== ANY_TEXT[name]).map((key) => [{ ...fields, [key]: "' OR 1=1; --" }]),
      ];
    }

    it('is refused by words, and nothing is changed', async () => {
      let refused = 0;
      await unchanged(async () => {
        for (const action of guardedActions())
          for (const args of forgeries(action.name, callOf(action, things))) {
            const answer = await call(action, args);
            expect(codeIn(answer), `${action.name} ${JSON.stringify(args)}`).toMatch(/^usage\/invalid$|\/not-found$/);
            refused += 1;
          }
      });
      expect(refused).toBeGreaterThan(150);
    });

    it('changes nothing by what is no call at all', async () => {
      const [action] = guardedActions().filter(({ name }) => name === 'deleteModuleBackup');
      if (action === undefined) throw new Error('there is an action that deletes');
      await unchanged(async () => {
        for (const body of [
          '',
          '{',
          'null',
          '["$F1"]',
          '["$@1"]',
          '["$1"]',
          '["$K1"]',
          `["${'x'.repeat(2_000_000)}"]`,
        ]) {
          const answer = await call(action, body);
          expect(isDone(answer), body.slice(0, 20)).toBe(false);
        }
        for (const id of ['0'.repeat(42), 'nonsense', '__proto__', `${action.id.slice(0, -1)}z`])
          expect(isDone(await call({ ...action, id }, [callOf(action, things)])), id).toBe(false);
      });
    });

    it('starts none of several backups where one of them is not known', async () => {
      const [action] = guardedActions().filter(({ name }) => name === 'createModuleBackups');
      if (action === undefined) throw new Error('there is an action that makes several backups');
      await unchanged(async () => {
        const answer = await call(action, [{ implementations: [things.implementationId, ABSENT] }]);
        expect(codeIn(answer)).toBe('implementation/not-found');
      });
    });
  });

  // Last, because these change things: what was refused above was refused for who asked, and not for how.
  it('is not an administrator: for one each of these calls is carried out', async () => {
    const order = ['cancelModuleJob', 'deleteModuleBackup'];
    const actions = guardedActions().toSorted((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
    for (const action of actions) {
      const answer = await call(action, [callOf(action, things)]);
      if (action.name === 'damageModuleDemo') {
        // Nobody may do this but in a demo.
        expect(codeIn(answer)).toBe('demo/not-alone');
        continue;
      }
      expect(isDone(answer), `${action.name}: ${resultOf(answer)}`).toBe(true);
    }
  });
});

/** What a person reads. Numbers that are drawn for each answer, and the address itself, are no difference. */
function wordsOf({ status, location, body }: Pick<Answer, 'status' | 'location' | 'body'>) {
  const words = body
    .replaceAll(/<(script|style)[\s\S]*?<\/\1>/g, '')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ');
  return { status, door: doorOf({ location }), words };
}

/** Where somebody is sent, whatever they asked for; the way back from there names it. */
function doorOf({ location }: Pick<Answer, 'location'>): string | null {
  return location === null ? null : location.replace(/\?.*/, '');
}

/** What an action answered, without what Next says of the page around it. */
function resultOf({ body }: { body: string }): string {
  return /\{"success":.*/.exec(body)?.[0] ?? body;
}
