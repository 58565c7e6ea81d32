import type { Locator, Page } from 'playwright-core';
import { beforeAll, expect } from 'vitest';
import { createBackup } from '../../packages/services/src/index.ts';
import { describeInBrowser, type PageOptions } from '../support/browser.ts';
import { flow } from '../support/flow.ts';
import { Keyboard } from '../support/hands.ts';
import type { Words } from '../support/words.ts';

/** As long as Playwright waits for what is to be seen. */
const SOON = { timeout: 30_000 };
const ONE = '/admin/modules/shop/one';
const LIST = `${ONE}?tab=backups`;
const NAMED = 'Before the move';

/** What the story, the door and holding and deleting show is not shown again here. */
describeInBrowser('by the keyboard alone', {}, (given) => {
  beforeAll(async () => {
    const { web } = given();
    await createBackup(web.context, { implementation: 'shop/one', type: 'full', description: NAMED });
    // It waits long for locks: a test that holds one decides how long a backup takes.
    await web.startWorker({ lockTimeoutMs: 60_000 });
  });

  const query = (sql: string) => given().web.db.query(sql);
  const backupPage = () => `${ONE}/backups/${given().web.place.backupId}`;
  const restorePage = () => `${ONE}/restore/${given().web.place.backupId}`;

  async function open(address: string, options: PageOptions): Promise<{ page: Page; hands: Keyboard }> {
    const page = await given().open({ as: 'administrator', ...options });
    await page.goto(address);
    return { page, hands: new Keyboard(page) };
  }

  const button = (page: Page | Locator, name: string) => page.getByRole('button', { name, exact: true });
  const listed = (page: Page, t: Words) => page.getByRole('list', { name: t('backups.title') }).locator('> li');

  flow('one comes through every page, sees where one is, and is held fast nowhere', async (t, language) => {
    const { page, hands } = await open('/admin/modules', { language, width: language === 'en' ? 360 : 1440 });
    await page.getByText(t('figures.successRate')).waitFor();
    expect(await hands.walk()).toBeGreaterThan(5);
    for (const [address, words] of [
      [ONE, t('implementation.assignmentsNote')],
      [LIST, NAMED],
      [backupPage(), t('backup.checksum')],
      [`${backupPage()}?view=rows`, 'public.item'],
      [`${backupPage()}?view=compare`, t('compare.with')],
      [restorePage(), t('restore.what.tables')],
      [`${restorePage()}?step=how`, t('restore.how.title')],
      [`${ONE}/something-went-wrong`, t('restore.wrong.when')],
    ] as const) {
      await page.goto(address);
      await page.getByText(words).first().waitFor();
      expect(await hands.walk(), address).toBeGreaterThan(5);
    }
  });

  flow('language and colours are chosen, and the menu gives the focus back', async (t, language) => {
    const { page, hands } = await open('/admin/modules', { language });
    const other = language === 'en' ? { lang: 'pt-BR', name: 'Português' } : { lang: 'en', name: 'English' };
    const menu = button(page, t('preferences.open'));
    await hands.press(menu);
    await hands.choose(page.getByRole('menuitemradio', { name: t('preferences.themes.dark') }));
    await page.locator('html.dark').waitFor();
    await hands.expectAt(menu);
    await hands.key('Enter');
    await page.getByRole('menu').waitFor();
    await hands.key('Escape');
    await hands.expectAt(menu);
    await hands.key('Enter');
    await hands.choose(page.getByRole('menuitemradio', { name: other.name }));
    await page.locator(`html[lang="${other.lang}"]`).waitFor();
    expect(await page.evaluate<string>('document.activeElement?.ariaHasPopup')).toBe('menu');
  });

  flow('modules are searched and filtered, and several are backed up together', async (t, language) => {
    const { page, hands } = await open('/admin/modules', { language });
    const names = page.getByRole('listitem').getByRole('link', { name: /^Store / });
    const shown = (...wanted: readonly string[]) => expect.poll(() => names.allTextContents(), SOON).toEqual(wanted);
    const search = page.getByRole('searchbox', { name: t('modules.search') });
    await hands.write(search, 'two');
    await shown('Store Two');
    await hands.key('Control+A');
    await hands.key('Delete');
    await hands.pick(page.getByRole('combobox', { name: t('modules.filterState') }), t('protection.protected'));
    await shown('Store One');
    await hands.key('Home');
    await shown('Store One', 'Store Two');
    const box = (name: string) => page.getByRole('checkbox', { name: t('modules.select', { name }) });
    const bar = page.getByRole('region', { name: t('modules.selection') });
    await hands.tick(box('Store One'));
    await hands.press(button(bar, t('modules.clearSelection')));
    await hands.expectAt(box('Store One'));
    for (const name of ['Store One', 'Store Two']) await hands.tick(box(name));
    await hands.press(button(bar, t('modules.backUpTogether')));
    await page.getByText(t('modules.togetherStarted', { count: 2 })).waitFor();
    await hands.expectAt(box('Store One'));
    await expect.poll(async () => (await query(OPEN_JOBS)).rows.length, SOON).toBe(0);
  });

  flow('a backup is asked for, described, watched and stopped', async (t, language) => {
    const { page, hands } = await open(ONE, { language });
    await hands.reach(page.getByRole('tab', { name: t('implementation.details') }));
    await hands.key('ArrowRight');
    await hands.expectAt(page.getByRole('tab', { name: t('implementation.backups') }));
    await listed(page, t).first().waitFor();
    const backUp = button(page, t('backups.backUpNow'));
    const dialog = page.getByRole('dialog');
    await hands.press(backUp);
    await dialog.waitFor();
    // Round and round within the dialog, and out by Escape.
    for (let stop = 0; stop < 12; stop += 1) {
      await hands.key('Tab');
      expect(await dialog.locator(':focus').count(), `stop ${stop}`).toBe(1);
    }
    await hands.key('Escape');
    await hands.expectAt(backUp);
    await query('BEGIN; LOCK TABLE public.sale');
    try {
      await hands.key('Enter');
      await hands.reach(dialog.getByRole('radio', { name: t('backups.types.incremental') }));
      await hands.key('ArrowDown');
      await hands.expectAt(dialog.getByRole('radio', { name: t('backups.types.differential'), checked: true }));
      await hands.write(dialog.getByRole('textbox', { name: t('create.note') }), 'By keyboard');
      await hands.pick(dialog.getByRole('combobox', { name: t('create.expiry') }), t('create.never'));
      await hands.press(button(dialog, t('create.start')));
      await dialog.waitFor({ state: 'detached' });
      await hands.expectAt(backUp);
      await hands.press(button(page, t('jobs.cancel')));
      await page.getByText(t('jobs.canceled', { kind: t('jobs.kinds.create-backup') })).waitFor();
    } finally {
      await query('ROLLBACK');
    }
  });

  flow('backups are filtered, and what is asked about one gives the focus back', async (t, language) => {
    const { page, hands } = await open(LIST, { language });
    const asked = () => Object.fromEntries(new URL(page.url()).searchParams);
    await listed(page, t).first().waitFor();
    await hands.pick(page.getByRole('combobox', { name: t('backups.filterType') }), t('backups.types.full'));
    await hands.pick(page.getByRole('combobox', { name: t('backups.filterStatus') }), t('backups.statuses.completed'));
    expect(asked()).toMatchObject({ type: 'full', status: 'completed' });
    const day = page
      .getByRole('region', { name: t('strip.title') })
      .getByRole('button')
      .last();
    await hands.press(day);
    await expect.poll(() => asked()['from'], SOON).toMatch(/^\d{4}-\d{2}-\d{2}$/);
    await hands.press(button(page, t('backups.clearFilters')));
    await expect.poll(asked, SOON).toEqual({ tab: 'backups' });
    const named = listed(page, t).filter({ hasText: NAMED });
    const menu = named.getByRole('button', { name: /./ }).last();
    for (const action of ['hold', 'delete'] as const) {
      await hands.press(menu);
      await hands.choose(page.getByRole('menuitem', { name: t(`backups.${action}`), exact: true }));
      await page.getByRole(action === 'hold' ? 'dialog' : 'alertdialog').waitFor();
      await hands.key('Escape');
      await hands.expectAt(menu);
    }
    await hands.key('Enter');
    await hands.choose(page.getByRole('menuitem', { name: t('backups.open') }));
    await page.getByText(t('backup.checksum')).waitFor();
  });

  flow('a backup is verified, looked into and compared', async (t, language) => {
    const { page, hands } = await open(backupPage(), { language });
    await hands.press(button(page, t('backup.verifyNow')));
    await page.getByText(t('jobs.ended', { kind: t('jobs.kinds.verify-backup') })).waitFor();
    await hands.press(page.getByRole('link', { name: t('backup.viewNames.rows') }));
    await hands.press(
      page.getByRole('navigation', { name: t('rows.tables') }).getByRole('link', { name: /public.item/ }),
    );
    await page.getByRole('table', { name: 'public.item' }).waitFor();
    await hands.press(page.getByRole('link', { name: t('rows.next') }));
    await page.getByText(t('rows.page', { page: 2, pages: 4 })).waitFor();
    await hands.press(page.getByRole('link', { name: t('backup.viewNames.compare') }));
    const other = page.getByRole('combobox', { name: t('compare.with') });
    await hands.reach(other);
    await hands.key('ArrowDown');
    await expect.poll(() => new URL(page.url()).searchParams.get('with'), SOON).toMatch(/^[0-9a-f-]{36}$/);
    await hands.expectAt(other);
  });

  flow('a restore is walked through in its four steps, its rows are read, and it is undone', async (t, language) => {
    await query(`UPDATE public.item SET price = price * 100 WHERE store_id = 1`);
    const { page, hands } = await open(restorePage(), { language });
    const onward = button(page, t('restore.continue'));
    await hands.press(page.locator('summary').filter({ hasText: t('restore.what.tables') }));
    const tables = page.getByRole('group', { name: t('restore.what.choose') });
    await hands.tick(tables.getByRole('checkbox', { name: 'sale' }));
    await hands.reach(page.getByRole('radio', { name: t('restore.what.full') }));
    await hands.press(onward);
    await hands.expectAtHeading(page.getByRole('heading', { name: t('restore.how.title') }));
    await hands.press(onward);
    await page.getByRole('heading', { name: t('restore.preview.title') }).waitFor();
    await readRows(page, { t, hands });
    await hands.press(onward);
    await hands.expectAtHeading(page.getByRole('heading', { name: t('restore.confirm.title') }));
    await hands.press(button(page, t('restore.confirm.go')));
    await page.getByRole('heading', { name: new RegExp(`^${t('restore.result.title')}`) }).waitFor();
    const undo = button(page, t('restore.result.undo'));
    await hands.press(undo);
    await page.getByRole('alertdialog').waitFor();
    await hands.key('Escape');
    await hands.expectAt(undo);
    await hands.key('Enter');
    await hands.press(button(page, t('restore.result.undoGo')));
    await page.getByRole('heading', { name: new RegExp(`^${t('restore.result.undoTitle')}`) }).waitFor();
    await query(`UPDATE public.item SET price = price / 100 WHERE store_id = 1`);
  });

  flow('when something went wrong is said to the minute', async (t, language) => {
    const { page, hands } = await open(`${ONE}/something-went-wrong`, { language });
    const exact = page.getByLabel(t('restore.wrong.exact'));
    await hands.reach(exact);
    await page.keyboard.type('01012001');
    // A year may have more digits.
    await hands.key('Tab');
    await page.keyboard.type('0100AM');
    await hands.press(button(page, t('restore.wrong.find')));
    await page.getByRole('heading', { name: t('restore.wrong.none') }).waitFor();
    await hands.press(button(page, t('restore.wrong.useOldest')));
    await page.getByRole('heading', { name: t('restore.wrong.proposal') }).waitFor();
  });

  flow('the recovery kit is saved', async (t, language) => {
    const { page, hands } = await open(`${backupPage()}?view=rows`, { language });
    // The server has the repository open; what it is pinned as decides whether a kit is due.
    await query(`UPDATE cofre.repository_pin SET encryption = 'aes-256-gcm', kit_taken_at = NULL`);
    try {
      await page.goto('/admin/modules');
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        hands.press(button(page, t('recovery.take'))),
      ]);
      expect(download.suggestedFilename()).toBe('cofre-recovery-kit.txt');
      await hands.press(button(page, t('common.close')));
      await button(page, t('recovery.again')).waitFor({ state: 'detached' });
    } finally {
      await query(`UPDATE cofre.repository_pin SET encryption = 'none'`);
    }
  });
});

const OPEN_JOBS = `SELECT FROM cofre.jobs WHERE state IN ('waiting', 'running')`;

interface Reader {
  readonly t: Words;
  readonly hands: Keyboard;
}

/** Opens a table of a preview, scrolls, looks at one row whole, and searches. */
async function readRows(page: Page, { t, hands }: Reader): Promise<void> {
  await hands.press(page.getByRole('button', { name: new RegExp(`^item .*${t('restore.preview.showRows')}$`) }));
  const label = t('restore.rows.of', { table: 'item' });
  const rows = page.getByRole('table', { name: label });
  await rows.getByRole('button').first().waitFor();
  const scrolled = rows.getByRole('rowgroup', { name: label });
  await hands.reach(scrolled);
  await hands.key('PageDown');
  await expect.poll(() => scrolled.evaluate(scrollTop), SOON).toBeGreaterThan(100);
  await hands.key('End');
  await hands.key('Home');
  await expect.poll(() => scrolled.evaluate(scrollTop), SOON).toBe(0);
  const first = rows.getByRole('button').first();
  await hands.reach(first);
  await hands.key('ArrowDown');
  await hands.expectAt(rows.getByRole('button').nth(1));
  await hands.key('ArrowUp');
  await hands.expectAt(first);
  await hands.key('Enter');
  await page.getByRole('dialog').getByRole('listitem').first().waitFor();
  await hands.key('Escape');
  await hands.expectAt(first);
  await hands.write(page.getByRole('searchbox', { name: t('restore.rows.search') }), 'sku-10');
  await rows
    .getByRole('button', { name: /sku-10/ })
    .first()
    .waitFor();
}

/** Runs in the browser. */
function scrollTop(element: { readonly scrollTop: number }): number {
  return element.scrollTop;
}
