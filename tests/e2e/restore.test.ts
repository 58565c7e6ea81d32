import type { Page } from 'playwright-core';
import { beforeAll, beforeEach, expect } from 'vitest';
import { createBackup, deleteBackup, showBackup, verifyBackup } from '../../packages/services/src/index.ts';
import { describeInBrowser, expectAccessible, signInByForm } from '../support/browser.ts';
import { flow } from '../support/flow.ts';
import type { Language, Words } from '../support/words.ts';

/** An item of store one, with sales. */
const ITEM = 'sku-10';
/** What a browser says of a page that is not there. */
const NOT_FOUND = /status of 404/;

describeInBrowser('a restore', {}, (given) => {
  beforeAll(async () => {
    await given().web.startWorker();
    await given().web.db.query(`CREATE SCHEMA kept;
      CREATE TABLE kept.store AS TABLE public.store;
      CREATE TABLE kept.item AS TABLE public.item;
      CREATE TABLE kept.sale AS TABLE public.sale`);
  });
  beforeEach(() =>
    query(`TRUNCATE public.store, public.item, public.sale;
      INSERT INTO public.store TABLE kept.store;
      INSERT INTO public.item TABLE kept.item;
      INSERT INTO public.sale TABLE kept.sale`),
  );

  const query = (sql: string) => given().web.db.query(sql);
  const path = () => `/admin/modules/shop/one/restore/${given().web.place.backupId}`;
  const raisePrices = (factor = 100) => query(`UPDATE public.item SET price = price * ${factor} WHERE sku = '${ITEM}'`);
  const figure = async (sql: string): Promise<unknown> => (await query(`SELECT ${sql} AS figure`)).rows[0].figure;
  const price = () => figure(`(SELECT price FROM public.item WHERE sku = '${ITEM}')`);
  const restores = () =>
    figure(`(SELECT count(*)::int FROM cofre.restores WHERE purpose = 'restore' AND status = 'completed')`);

  async function openPreview(t: Words, language: Language): Promise<Page> {
    const page = await given().open({ as: 'administrator', language });
    await page.goto(`${path()}?step=preview`);
    await page.getByRole('heading', { name: t('restore.preview.title') }).waitFor();
    return page;
  }

  async function openConfirmation(t: Words, language: Language): Promise<Page> {
    const page = await openPreview(t, language);
    await page.getByRole('button', { name: t('restore.continue') }).click();
    await page.getByRole('button', { name: t('restore.confirm.go') }).waitFor();
    return page;
  }

  const goAhead = (page: Page, t: Words) => page.getByRole('button', { name: t('restore.confirm.go') }).click();
  const untilDone = (page: Page, t: Words) =>
    page.getByRole('heading', { name: new RegExp(`^${t('restore.result.title')}`) }).waitFor();

  flow('goes in four steps, to each of which the back button and a reload lead', async (t, language) => {
    await raisePrices();
    await query(`UPDATE public.store SET name = 'Uno' WHERE store_id = 1`);
    const page = await given().open({ as: 'administrator', language });
    const onward = page.getByRole('button', { name: t('restore.continue') });
    await page.goto(path());
    await page.getByText(t('restore.what.tables'), { exact: true }).click();
    const ticks = page.getByRole('group', { name: t('restore.what.choose') }).getByRole('checkbox');
    for (const tick of await ticks.all()) await tick.uncheck();
    await page.getByText(t('restore.what.noneChosen')).waitFor();
    expect(await onward.isDisabled()).toBe(true);
    await page.getByRole('checkbox', { name: 'store' }).check();
    await onward.click();
    await page.getByRole('heading', { name: t('restore.how.title') }).waitFor();
    for (const name of ['missing', 'exact'])
      expect(await page.getByRole('radio', { name: t(`restore.how.${name}`) }).isDisabled()).toBe(true);
    await onward.click();
    await page.getByText(t('restore.preview.lead', { count: 1 })).waitFor();
    expect(
      await page
        .getByRole('region', { name: t('restore.preview.tables') })
        .getByRole('button')
        .count(),
    ).toBe(1);
    await page.reload();
    await page.getByText(t('restore.preview.lead', { count: 1 })).waitFor();
    await page.goBack();
    await page.getByRole('heading', { name: t('restore.how.title') }).waitFor();
    await page.goBack();
    await page.getByRole('heading', { name: t('restore.what.title') }).waitFor();
    await page
      .locator('[aria-current=step]')
      .filter({ hasText: t('restore.steps.what') })
      .waitFor();
    expect(await page.getByRole('checkbox', { name: 'item' }).isChecked()).toBe(false);
    await page.getByRole('radio', { name: t('restore.what.config') }).click();
    await onward.click();
    await onward.click();
    await page.getByText(t('restore.preview.lead', { count: 1 })).waitFor();
    await onward.click();
    await goAhead(page, t);
    await untilDone(page, t);
    expect(await figure(`(SELECT name FROM public.store WHERE store_id = 1)`)).toBe('One');
    expect(await price()).toBe('1100.00');
  });

  flow('shows secrets in no row, not even in what the browser is sent', async (t, language) => {
    await query(`UPDATE public.store SET api_key = 'key-of-thieves', name = 'Uno' WHERE store_id = 1`);
    const page = await given().open({ as: 'administrator', language });
    const sent: Promise<string>[] = [];
    page.on('response', (response) => sent.push(response.text().catch(() => '')));
    await page.goto(`${path()}?step=preview&open=public.store`);
    await page.getByRole('table').getByRole('button').first().click();
    const column = page
      .getByRole('dialog')
      .getByRole('listitem')
      .filter({ hasText: /^api_key/ });
    await column.getByText(t('restore.rows.secret')).waitFor();
    await column.getByText('••••••').first().waitFor();
    await expectAccessible(page);
    expect((await Promise.all(sent)).join('\n')).not.toMatch(/key-of-(one|thieves)/);
  });

  flow('offers nothing where there is nothing to put back, and leads to an earlier backup', async (t, language) => {
    const page = await given().open({ as: 'administrator', language });
    await page.goto(`${path()}?step=preview`);
    await page.getByText(t('restore.preview.nothing')).waitFor();
    expect(await page.getByRole('button', { name: t('restore.continue') }).count()).toBe(0);
    await page.getByRole('link', { name: t('restore.preview.earlier') }).click();
    await page
      .getByText(t('restore.wrong.proposal'))
      .or(page.getByText(t('restore.wrong.none')))
      .waitFor();
  });

  flow('says in words what stands in the way, and goes on without it', async (t, language) => {
    await query(`UPDATE public.store SET name = 'Uno' WHERE store_id = 1`);
    await query(`UPDATE public.item SET store_id = 2 WHERE sku = '${ITEM}'`);
    await query(`UPDATE public.item SET sku = 'swapped' WHERE sku = 'sku-12'`);
    await query(`INSERT INTO public.item (store_id, sku, price) VALUES (2, 'sku-12', 1)`);
    const page = await given().open({ as: 'administrator', language });
    await page.goto(`${path()}?step=preview`);
    await page.getByText(t('restore.concerns.blocked')).waitFor();
    await page.getByText(t('restore.concerns.kinds.moved', { table: 'item', count: 1 })).waitFor();
    await page.getByText(t('restore.concerns.kinds.unique', { table: 'item', count: 2 })).waitFor();
    expect(await page.getByRole('button', { name: t('restore.continue') }).count()).toBe(0);
    await expectAccessible(page);
    await page.getByRole('button', { name: new RegExp(t('restore.concerns.leaveOut', { count: 2 })) }).click();
    await page.getByText(t('restore.preview.lead', { count: 1 })).waitFor();
    await page.getByRole('button', { name: t('restore.continue') }).click();
    await goAhead(page, t);
    await untilDone(page, t);
    expect(await figure(`(SELECT name FROM public.store WHERE store_id = 1)`)).toBe('One');
    expect(await figure(`(SELECT store_id FROM public.item WHERE sku = '${ITEM}')`)).toBe(2);
  });

  flow('of a preview that is out of date changes nothing, and asks to look again', async (t, language) => {
    await raisePrices();
    const page = await openConfirmation(t, language);
    await raisePrices(2);
    await goAhead(page, t);
    await page.getByText(t('restore.run.stale')).waitFor();
    await expectAccessible(page);
    expect(await price()).toBe('2200.00');
    await page.getByRole('button', { name: t('restore.preview.new') }).click();
    await page.getByRole('button', { name: t('restore.continue') }).click();
    await goAhead(page, t);
    await untilDone(page, t);
    expect(await price()).toBe('11.00');
  });

  flow('goes on where it was when the session ended in the middle', async (t, language) => {
    await raisePrices();
    const { web } = given();
    const account = web.accounts.administrator;
    // A session of their own, which may end.
    const page = await given().open({ as: account, language });
    await page.goto(`${path()}?step=preview`);
    await page.getByRole('button', { name: t('restore.continue') }).click();
    const endSession = () =>
      query(
        `DELETE FROM cofre_auth.sessions WHERE id = (SELECT id FROM cofre_auth.sessions ORDER BY created_at DESC LIMIT 1)`,
      );
    await endSession();
    const before = await restores();
    await goAhead(page, t);
    await page.getByText(t('errors.access/not-signed-in.message')).waitFor();
    expect(await restores()).toBe(before);
    await page.getByRole('button', { name: t('common.signIn') }).click();
    await page.waitForURL((url) => url.pathname === '/sign-in');
    await signInByForm(page, account);
    await goAhead(page, t);
    await untilDone(page, t);
    expect(await price()).toBe('11.00');
    await endSession();
    await page.getByRole('link', { name: t('restore.result.reportText') }).click();
    await page.waitForURL((url) => url.pathname === '/sign-in');
    await signInByForm(page, account);
    await untilDone(page, t);
  });

  flow('confirmed by a double click is done once', async (t, language) => {
    await raisePrices();
    const jobs = `(SELECT count(*)::int FROM cofre.jobs WHERE kind = 'apply-restore')`;
    const before = Number(await figure(jobs));
    const page = await openConfirmation(t, language);
    await page.getByRole('button', { name: t('restore.confirm.go') }).dblclick();
    await untilDone(page, t);
    expect(await figure(jobs)).toBe(before + 1);
  });

  flow('is not done again by the back button', async (t, language) => {
    await raisePrices();
    const page = await openConfirmation(t, language);
    await goAhead(page, t);
    await untilDone(page, t);
    const before = await restores();
    await page.goBack();
    await page.getByRole('heading', { name: t('restore.preview.title') }).waitFor();
    await page.getByRole('button', { name: t('restore.continue') }).click();
    await goAhead(page, t);
    await page.getByText(t('restore.run.stale')).waitFor();
    expect(await restores()).toBe(before);
  });

  flow('confirmed in two windows is done once, and the other is told', async (t, language) => {
    await raisePrices();
    const one = await openConfirmation(t, language);
    const other = await given().open({ as: 'administrator', language });
    await other.goto(one.url());
    const before = Number(await restores());
    await goAhead(one, t);
    await untilDone(one, t);
    await goAhead(other, t);
    await other.getByText(t('restore.run.stale')).waitFor();
    expect(await restores()).toBe(before + 1);
  });

  flow('is undone once, though two ask for it, and leaves a report and a link', async (t, language) => {
    await raisePrices();
    const page = await openConfirmation(t, language);
    await goAhead(page, t);
    await untilDone(page, t);
    for (const [format, holds] of [
      ['reportText', 'public.item'],
      ['reportJson', '"verified": true'],
    ] as const) {
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('link', { name: t(`restore.result.${format}`) }).click(),
      ]);
      const chunks = await download.createReadStream().then((stream) => stream.toArray());
      expect(Buffer.concat(chunks).toString()).toContain(holds);
    }
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.getByRole('button', { name: t('restore.result.share') }).click();
    await page.getByText(t('restore.result.shared')).waitFor();
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe(page.url());
    const other = await given().open({ as: 'administrator', language });
    await other.goto(page.url());
    const undo = async (window: Page) => {
      await window.getByRole('button', { name: t('restore.result.undo') }).click();
      await window.getByRole('button', { name: t('restore.result.undoGo'), exact: true }).click();
    };
    await undo(page);
    await page.getByRole('heading', { name: new RegExp(`^${t('restore.result.undoTitle')}`) }).waitFor();
    expect(await price()).toBe('1100.00');
    await undo(other);
    await other.getByText(t('errors.restore/not-undoable.message')).waitFor();
    await other.getByRole('button', { name: t('restore.run.reload') }).click();
    await other.getByRole('link', { name: t('restore.result.undoneShow') }).click();
    await other.getByRole('heading', { name: new RegExp(`^${t('restore.result.undoTitle')}`) }).waitFor();
    expect(await price()).toBe('1100.00');
  });

  flow(
    'begins with a warning where rows are still being changed, and without one where all is quiet',
    async (t, language) => {
      const page = await given().open({ as: 'administrator', language });
      // As if the backups had been made long ago: their markers tell of the last minutes.
      await query(`UPDATE cofre.lineage SET created_at = created_at - interval '1 hour'`);
      await page.goto('/admin/modules/shop/one/something-went-wrong');
      await page.getByRole('heading', { name: t('restore.wrong.when') }).waitFor();
      const looks = await page.waitForResponse((response) => response.request().method() === 'POST');
      expect(looks.status()).toBe(200);
      expect(await page.getByText(t('restore.changing.title')).count()).toBe(0);
      await query(`UPDATE public.item SET price = price + 1 WHERE store_id = 1 AND item_id % 10 = 2`);
      const changed = Number(
        await figure(`(SELECT count(*) FROM public.item WHERE store_id = 1 AND item_id % 10 = 2)`),
      );
      await page.getByText(t('restore.changing.title')).waitFor();
      await page.getByText(t('restore.changing.table', { table: 'item', rows: changed })).waitFor();
      await expectAccessible(page);
      await page.getByRole('button', { name: t('restore.wrong.now') }).click();
      await page.getByRole('heading', { name: t('restore.wrong.proposal') }).waitFor();
      expect(await page.getByText(t('restore.changing.title')).count()).toBe(1);
    },
  );

  flow(
    'goes back to a backup that nobody had verified, once it has been verified there and then',
    async (t, language) => {
      const { context, place } = given().web;
      await verifyBackup(context, { backup: place.backupId });
      await raisePrices();
      const newer = await createBackup(context, { implementation: 'shop/one' });
      const page = await given().open({ as: 'administrator', language });
      await page.goto('/admin/modules/shop/one/something-went-wrong');
      await page.getByRole('button', { name: t('restore.wrong.now') }).click();
      await page.getByRole('button', { name: t('restore.wrong.verifyNewer') }).waitFor();
      await page.getByRole('button', { name: t('restore.wrong.open') }).isEnabled();
      await expectAccessible(page);
      await page.getByRole('button', { name: t('restore.wrong.verifyNewer') }).click();
      await page.getByText(t('restore.wrong.same')).waitFor();
      expect(await page.getByRole('button', { name: t('restore.wrong.verifyNewer') }).count()).toBe(0);
      await page.getByText(t('restore.wrong.verified'), { exact: true }).waitFor();
      expect((await showBackup(context, { backup: newer.id })).verifiedAt).not.toBeNull();
      await deleteBackup(context, { backup: newer.id });
    },
  );

  flow('is not offered to who may only look, and its pages are not there for them', async (t, language) => {
    await raisePrices();
    const preview = await openPreview(t, language);
    const page = await given().open({ as: 'viewer', language, tolerates: [NOT_FOUND] });
    await page.goto('/admin/modules/shop/one?tab=backups');
    await page.getByRole('list', { name: t('backups.title') }).waitFor();
    expect(await page.getByRole('link', { name: t('backups.restore') }).count()).toBe(0);
    expect(await page.getByText(t('implementation.somethingWentWrong')).count()).toBe(0);
    for (const address of [path(), preview.url(), '/admin/modules/shop/one/something-went-wrong']) {
      await page.goto(address);
      await page.getByRole('heading', { name: t('notFound.title') }).waitFor();
    }
  });
});
