import { readFile, rename } from 'node:fs/promises';
import type { Locator, Page } from 'playwright-core';
import { beforeAll, expect } from 'vitest';
import { describeInBrowser, expectAccessible, screenshot } from '../support/browser.ts';
import { flow } from '../support/flow.ts';
import { Keyboard } from '../support/hands.ts';
import { loadShopHistory, type ShopHistory } from '../support/shop-history.ts';
import type { Words } from '../support/words.ts';

const PAGE_SIZE = 20;
/** As long as Playwright waits for what is to be seen. */
const SOON = { timeout: 30_000 };
/** What a browser says of a request that comes to nothing. */
const FAILED = /Failed to load resource/;
const LIST = '/admin/modules/shop/two?tab=backups';

describeInBrowser('backups', {}, (given) => {
  let history: ShopHistory;
  beforeAll(async () => {
    history = await loadShopHistory(given().web);
    // It waits long for locks: a test that holds one decides how long a backup takes.
    await given().web.startWorker({ lockTimeoutMs: 60_000 });
  });

  const query = (sql: string) => given().web.db.query(sql);
  const listOf = (page: Page, t: Words): Locator =>
    page.getByRole('list', { name: t('backups.title') }).locator('> li');
  const untilListed = (page: Page, t: Words, count: number) =>
    expect.poll(() => listOf(page, t).count(), SOON).toBe(count);

  async function attributes(all: Locator, name: string): Promise<readonly string[]> {
    return Promise.all((await all.all()).map(async (one) => (await one.getAttribute(name)) ?? ''));
  }

  async function choose(page: Page, name: string, option: string): Promise<void> {
    await page.getByRole('combobox', { name }).selectOption({ label: option });
  }

  flow('are listed page by page, and filtered by type, state and day as the address says', async (t, language) => {
    const page = await given().open({ as: 'administrator', language });
    await page.goto(LIST);
    await untilListed(page, t, PAGE_SIZE);
    await page.getByRole('button', { name: t('backups.more') }).click();
    await untilListed(page, t, history.backups);
    expect(await page.getByRole('button', { name: t('backups.more') }).count()).toBe(0);
    const links = await attributes(listOf(page, t).locator('a[href*="/backups/"]'), 'href');
    expect(new Set(links).size).toBe(history.backups);
    await choose(page, t('backups.filterType'), t('backups.types.config_only'));
    await untilListed(page, t, history.configOnly);
    expect(new URL(page.url()).searchParams.get('type')).toBe('config_only');
    await page.reload();
    await untilListed(page, t, history.configOnly);
    await choose(page, t('backups.filterStatus'), t('backups.statuses.failed'));
    await page.getByText(t('backups.nothingFound')).waitFor();
    await page
      .getByRole('button', { name: t('backups.clearFilters') })
      .last()
      .click();
    await untilListed(page, t, PAGE_SIZE);
    await choose(page, t('backups.filterStatus'), t('backups.statuses.failed'));
    await untilListed(page, t, 1);
    await listOf(page, t).getByText(t('errors.database/lock-timeout.message')).waitFor();
    await page.goto(`${LIST}&type=nonsense&from=yesterday`);
    await untilListed(page, t, PAGE_SIZE);
  });

  flow('are listed in the order that the address says, through all pages', async (t, language) => {
    const page = await given().open({ as: 'administrator', language });
    const idsBy = async (order: string) => {
      const rows = await query(`SELECT id FROM public.module_backups
        WHERE implementation_key = 'two' AND deleted_at IS NULL ORDER BY ${order}`);
      return rows.rows.map(({ id }): string => id);
    };
    const shown = async () => {
      const links = await attributes(listOf(page, t).locator('a[href*="/backups/"]'), 'href');
      return links.map((link) => link.split('/').at(-1));
    };
    for (const [order, sql] of [
      ['oldest', 'created_at, id'],
      ['largest', 'COALESCE(size_bytes, 0) DESC, id DESC'],
    ] as const) {
      await page.goto(LIST);
      await untilListed(page, t, PAGE_SIZE);
      await choose(page, t('backups.order'), t(`backups.orders.${order}`));
      const wanted = await idsBy(sql);
      await expect.poll(shown, SOON).toEqual(wanted.slice(0, PAGE_SIZE));
      expect(new URL(page.url()).searchParams.get('sort')).toBe(order);
      await page.reload();
      await untilListed(page, t, PAGE_SIZE);
      await page.getByRole('button', { name: t('backups.moreOthers') }).click();
      await expect.poll(shown, SOON).toEqual(wanted);
    }
    await choose(page, t('backups.order'), t('backups.orders.newest'));
    await expect.poll(shown, SOON).toEqual((await idsBy('created_at DESC, id DESC')).slice(0, PAGE_SIZE));
    expect(new URL(page.url()).searchParams.has('sort')).toBe(false);
    await page.goto(`${LIST}&sort=nonsense`);
    await untilListed(page, t, PAGE_SIZE);
  });

  flow('of thirty days are seen at a glance, and a day leads to its own', async (t, language) => {
    const page = await given().open({ as: 'administrator', language });
    await page.goto(LIST);
    const days = page.getByRole('region', { name: t('strip.title') }).getByRole('button');
    await expect.poll(() => days.count(), SOON).toBe(30);
    const said = await attributes(days, 'aria-label');
    const saying = (outcome: string) => said.filter((it) => it.includes(`, ${t(`strip.outcomes.${outcome}`)}`)).length;
    expect([saying('ok'), saying('failed'), saying('none')]).toEqual([history.backups - 1, 1, 30 - history.backups]);
    await page
      .getByRole('region', { name: t('strip.title') })
      .getByRole('button', { name: new RegExp(`, ${t('strip.outcomes.failed')},`) })
      .click();
    await untilListed(page, t, 1);
    const { searchParams } = new URL(page.url());
    expect(searchParams.get('from')).toBe(searchParams.get('to'));
  });

  flow('are found by module and by state of protection, whatever the accents', async (t, language) => {
    const page = await given().open({ as: 'administrator', language });
    const names = page.getByRole('listitem').getByRole('link', { name: /^Store / });
    const shown = (...wanted: readonly string[]) => expect.poll(() => names.allTextContents(), SOON).toEqual(wanted);
    await page.goto('/admin/modules');
    await names.first().waitFor();
    await page.getByRole('searchbox', { name: t('modules.search') }).fill('STÓRE two');
    await shown('Store Two');
    await page.reload();
    await shown('Store Two');
    await page.getByRole('searchbox', { name: t('modules.search') }).fill('nowhere');
    await page.getByText(t('modules.nothingFound')).waitFor();
    await page.getByRole('button', { name: t('modules.clearFilters') }).click();
    await choose(page, t('modules.filterState'), t('protection.never'));
    await shown('Store Three');
    expect(new URL(page.url()).searchParams.get('state')).toBe('never');
  });

  flow('are made before the eyes of everybody who looks, and can be stopped', async (t, language) => {
    const page = await given().open({ as: 'administrator', language });
    const viewer = await given().open({ as: 'viewer', language });
    for (const window of [page, viewer]) {
      await window.goto('/admin/modules/shop/one?tab=backups');
      await untilListed(window, t, 1);
    }
    await query('BEGIN; LOCK TABLE public.sale');
    try {
      await page.getByRole('button', { name: t('backups.backUpNow') }).click();
      await page.getByRole('radio', { name: t('backups.types.full') }).click();
      await page.getByRole('button', { name: t('create.start') }).click();
      await page.getByText(t('create.started')).waitFor();
      for (const window of [page, viewer]) {
        await window.getByRole('heading', { name: t('jobs.kinds.create-backup') }).waitFor();
        await window.getByRole('progressbar', { name: t('jobs.kinds.create-backup') }).waitFor();
      }
      expect(await viewer.getByRole('button', { name: t('jobs.cancel') }).count()).toBe(0);
      await page.goto('/admin/modules');
      await page
        .getByRole('listitem')
        .filter({ hasText: 'Store One' })
        .getByText(t('jobs.kinds.create-backup'))
        .waitFor();
      await page.goBack();
      await page.getByRole('button', { name: t('jobs.cancel') }).click();
      for (const window of [page, viewer])
        await window.getByText(t('jobs.canceled', { kind: t('jobs.kinds.create-backup') })).waitFor();
    } finally {
      await query('ROLLBACK');
    }
    for (const window of [page, viewer]) await window.getByRole('progressbar').waitFor({ state: 'detached' });
  });

  flow('are made with a description and an end of their own, and seen when they are done', async (t, language) => {
    const page = await given().open({ as: 'administrator', language });
    await page.goto('/admin/modules/shop/one?tab=backups');
    await listOf(page, t).first().waitFor();
    await page.getByRole('button', { name: t('backups.backUpNow') }).click();
    await page.getByRole('textbox', { name: t('create.note') }).fill('Before the price import');
    await choose(page, t('create.expiry'), t('create.never'));
    await page.getByRole('button', { name: t('create.start') }).click();
    await page.getByText(t('jobs.ended', { kind: t('jobs.kinds.create-backup') })).waitFor();
    const made = listOf(page, t).first();
    await made.getByText('Before the price import').waitFor();
    await made.getByText(t('backups.neverExpires'), { exact: true }).waitFor();
    await made.getByText(given().web.accounts.administrator.email).waitFor();
  });

  flow('are begun where there is none yet, several at once', async (t, language) => {
    const page = await given().open({ as: 'administrator', language });
    await page.goto('/admin/modules/shop/three?tab=backups');
    const isNew = (await listOf(page, t).count()) === 0;
    if (isNew) await page.getByRole('button', { name: t('backups.firstBackup') }).waitFor();
    await page.goto('/admin/modules');
    for (const name of ['Store One', 'Store Three'])
      await page.getByRole('checkbox', { name: t('modules.select', { name }) }).click();
    const bar = page.getByRole('region', { name: t('modules.selection') });
    await bar.getByText(t('modules.selected', { count: 2 })).waitFor();
    await bar.getByRole('button', { name: t('modules.backUpTogether') }).click();
    await page.getByText(t('modules.togetherStarted', { count: 2 })).waitFor();
    await bar.waitFor({ state: 'detached' });
    await page.getByRole('link', { name: 'Store Three' }).click();
    await page.getByRole('tab', { name: t('implementation.backups') }).click();
    await listOf(page, t).first().waitFor();
  });

  flow(
    'are held, released and deleted by the keyboard alone, and one that is held is not deleted',
    async (t, language) => {
      const page = await given().open({ as: 'administrator', language });
      const hands = new Keyboard(page);
      await page.goto(`${LIST}&type=full`);
      const one = listOf(page, t).filter({ hasText: history.named });
      const act = async (action: string) => {
        await hands.press(one.getByRole('button', { name: /./ }).last());
        await hands.choose(page.getByRole('menuitem', { name: t(`backups.${action}`), exact: true }));
      };
      await act('hold');
      await hands.write(page.getByRole('dialog').getByRole('textbox'), 'Wait for Ana');
      await hands.key('Enter');
      await page.getByText(t('backups.nowHeld')).waitFor();
      await one.getByText(t('backups.held'), { exact: true }).waitFor();
      await act('delete');
      const question = page.getByRole('alertdialog');
      await question.getByText('Wait for Ana').waitFor();
      expect(await question.getByRole('button', { name: t('backups.deleteForGood') }).count()).toBe(0);
      await hands.key('Escape');
      await question.waitFor({ state: 'detached' });
      await act('release');
      await page.getByText(t('backups.released')).waitFor();
      await act('delete');
      await question.getByText(history.named).waitFor();
      await question.getByText(t('backups.types.full')).waitFor();
      await hands.press(question.getByRole('button', { name: t('backups.deleteForGood') }));
      await page.getByText(t('backups.deleteStarted')).waitFor();
      await one.waitFor({ state: 'detached' });
    },
  );

  flow('are verified on a page of their own', async (t, language) => {
    const page = await given().open({ as: 'administrator', language });
    await page.goto(`/admin/modules/shop/one/backups/${given().web.place.backupId}`);
    await page.getByRole('button', { name: t('backup.verifyNow') }).click();
    await page.getByText(t('jobs.ended', { kind: t('jobs.kinds.verify-backup') })).waitFor();
  });

  /** The id of one of `shop/two` that has all tables. */
  async function wholeBackup(): Promise<string> {
    const { rows } = await query(`SELECT id FROM public.module_backups WHERE implementation_key = 'two'
      AND status = 'completed' AND backup_type <> 'config_only' AND deleted_at IS NULL ORDER BY created_at DESC LIMIT 1`);
    return rows[0].id;
  }

  flow('are downloaded as files without their secrets, and the log says by whom', async (t, language) => {
    const page = await given().open({ as: 'administrator', language });
    const backup = await wholeBackup();
    const address = `/admin/modules/shop/two/backups/${backup}`;
    await page.goto(address);
    const fetched = async (format: string) => {
      await page.getByRole('button', { name: t('backup.download.title') }).click();
      await page.getByRole('menu').waitFor();
      if (format === 'sql') await expectAccessible(page);
      const entry = page.getByRole('menuitem', { name: new RegExp(`^${t(`backup.download.formats.${format}`)}`) });
      const [download] = await Promise.all([page.waitForEvent('download'), entry.click()]);
      return { name: download.suggestedFilename(), bytes: await readFile(await download.path()) };
    };
    const sql = await fetched('sql');
    expect(sql.name).toMatch(/^shop-two-[0-9a-f]{8}\.sql$/);
    expect(sql.bytes.toString()).toMatch(/CREATE TABLE.*public\.?.*item/s);
    expect(sql.bytes.toString()).not.toContain('key-of-two');
    for (const format of ['csv', 'jsonl']) {
      const { name, bytes } = await fetched(format);
      expect(name).toMatch(new RegExp(`^shop-two-[0-9a-f]{8}-${format}\\.zip$`));
      expect(bytes.subarray(0, 2).toString()).toBe('PK');
    }
    const logged = await query(`SELECT details, user_id FROM public.audit_logs WHERE action = 'EXPORT_MODULE_BACKUP'
      AND backup_id = '${backup}' AND outcome = 'done' ORDER BY created_at DESC LIMIT 3`);
    const { userId } = given().web.accounts.administrator;
    expect(logged.rows.map(({ details, user_id: by }) => [details.format, details.secrets, by])).toEqual(
      ['jsonl', 'csv', 'sql'].map((format) => [format, 'left-out', userId]),
    );
    expect(new URL(page.url()).pathname).toBe(address);
  });

  flow('are not downloaded by a link on another site, nor in a format that there is not', async (_t, language) => {
    const page = await given().open({ as: 'administrator', language, tolerates: [/status of 404/] });
    const backup = await wholeBackup();
    const address = `/admin/modules/shop/two/backups/${backup}/download`;
    await page.goto('/admin/modules');
    const status = async (headers: Readonly<Record<string, string>>, search = '') =>
      (await page.request.get(`${address}${search}`, { headers })).status();
    expect(await status({ 'sec-fetch-site': 'cross-site' })).toBe(404);
    expect(await status({}, '?format=xml')).toBe(404);
    expect(await status({}, '?format=csv')).toBe(200);
    const elsewhere = address.replace('/two/', '/one/');
    expect((await page.request.get(elsewhere)).status()).toBe(404);
  });

  flow('whose files are away say so instead of a download', async (t, language) => {
    const page = await given().open({ as: 'administrator', language });
    const backup = await wholeBackup();
    const repository = given().web.repositoryFolder;
    await page.goto(`/admin/modules/shop/two/backups/${backup}`);
    await rename(repository, `${repository}-away`);
    try {
      await page.getByRole('button', { name: t('backup.download.title') }).click();
      await page.getByRole('menuitem', { name: new RegExp(`^${t('backup.download.formats.sql')}`) }).click();
      await page.getByText(t('backup.download.failed')).waitFor();
      await expectAccessible(page);
    } finally {
      await rename(`${repository}-away`, repository);
    }
  });

  flow('are compared with what is there now and with each other, and looked into', async (t, language) => {
    await query(`UPDATE public.item SET price = 4711 WHERE sku = 'sku-10'`);
    const page = await given().open({ as: 'administrator', language });
    await page.goto(`/admin/modules/shop/one/backups/${given().web.place.backupId}`);
    await page.getByRole('link', { name: t('backup.viewNames.compare') }).click();
    const row = page.getByRole('row').filter({ hasText: '4711' });
    await row.getByText(t('compare.operations.update')).waitFor();
    await page.getByRole('combobox', { name: t('compare.with') }).selectOption({ index: 1 });
    await page.getByText(t('compare.sameAsOther')).or(page.getByRole('row').first()).waitFor();
    await expect.poll(() => new URL(page.url()).searchParams.get('with'), SOON).toMatch(/^[0-9a-f-]{36}$/);
    await page.getByRole('link', { name: t('backup.viewNames.rows') }).click();
    const tables = page.getByRole('navigation', { name: t('rows.tables') });
    await tables.getByRole('link', { name: /public.item/ }).click();
    await page.getByRole('table', { name: 'public.item' }).waitFor();
    await page.getByRole('link', { name: t('rows.next') }).click();
    await page.getByText(t('rows.page', { page: 2, pages: 4 })).waitFor();
    await tables.getByRole('link', { name: /public.store/ }).click();
    await page
      .getByRole('img', { name: t('rows.hidden') })
      .first()
      .waitFor();
    expect(await page.content()).not.toContain('key-of-one');
    await query(`UPDATE public.item SET price = 11 WHERE sku = 'sku-10'`);
  });

  flow('that cannot be read say so, and are read again when asked', async (t, language) => {
    const page = await given().open({ as: 'administrator', language, tolerates: [FAILED] });
    await page.route('**/admin/modules/**', (route) =>
      route.request().method() === 'POST' ? route.abort() : route.continue(),
    );
    await page.goto(LIST);
    await page.getByText(t('backups.unreadable')).first().waitFor();
    await page.getByText(t('backups.unknown'), { exact: true }).waitFor();
    await page.getByRole('button', { name: t('backups.backUpNow') }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText(t('create.unreadable')).waitFor();
    await dialog.getByText(t('create.policyUnreadable')).waitFor();
    await expectAccessible(page);
    await screenshot(page, 'backups-create-unreadable');
    await page.unroute('**/admin/modules/**');
    await dialog.getByRole('button', { name: t('common.retry') }).click();
    await dialog.getByText(t('create.policyUnreadable')).waitFor({ state: 'detached' });
    await dialog.getByText(t('create.unreadable')).waitFor({ state: 'detached' });
    await page.keyboard.press('Escape');
    await page
      .getByRole('button', { name: t('common.retry') })
      .last()
      .click();
    await untilListed(page, t, PAGE_SIZE);
  });

  flow('are offered to a viewer to be looked at, and nothing else', async (t, language) => {
    const page = await given().open({ as: 'viewer', language });
    await page.goto(LIST);
    await untilListed(page, t, PAGE_SIZE);
    expect(await page.getByRole('button', { name: t('backups.backUpNow') }).count()).toBe(0);
    await listOf(page, t).first().getByRole('button').last().click();
    const items = page.getByRole('menuitem');
    await items.first().waitFor();
    expect(await items.allTextContents()).toEqual([t('backups.open')]);
    await items.first().click();
    await page.getByRole('heading', { level: 1 }).waitFor();
    expect(await page.getByRole('link', { name: t('backup.viewNames.rows') }).count()).toBe(0);
  });
});
