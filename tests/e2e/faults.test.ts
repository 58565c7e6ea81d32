import { existsSync } from 'node:fs';
import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, expect } from 'vitest';
import { describeInBrowser, expectAccessible, screenshot } from '../support/browser.ts';
import { flow } from '../support/flow.ts';
import { Line } from '../support/line.ts';
import { cookieHeader } from '../support/web-session.ts';
import type { Words } from '../support/words.ts';

/** What of the inside nobody is to read: places in the code, addresses of servers, words of libraries. */
const INSIDE = /\n\s+at |node:internal|node_modules|\.tsx?:\d+|ECONNREFUSED|SQLSTATE|Error: /;

/** How the web admin comes to its database. */
let line: Line | undefined;
const reach = (url: string): Promise<string> => {
  line = new Line(url);
  return line.open();
};

/** Of pages that answer 500, and of streams that are cut off. */
const FAILED = /Failed to load resource|server responded|Minified React error|Server Components render/;

describeInBrowser('what breaks around the web admin', { reach }, (given) => {
  afterAll(() => line?.[Symbol.asyncDispose]());

  const backups = '/admin/modules/shop/one?tab=backups';
  const backupPage = () => `/admin/modules/shop/one/backups/${given().web.place.backupId}`;
  const restorePage = () => `/admin/modules/shop/one/restore/${given().web.place.backupId}`;

  /** An error in the words of the reader, with what to do. */
  async function expectWords(page: Page, t: Words, code: string): Promise<void> {
    await page
      .getByText(t(`errors.${code}.message`))
      .first()
      .waitFor();
    await page
      .getByText(t(`errors.${code}.hint`))
      .first()
      .waitFor();
    expect(await page.locator('body').innerText()).not.toMatch(INSIDE);
    await expectAccessible(page);
  }

  afterEach(() => line?.open());

  async function backUp(page: Page, t: Words): Promise<void> {
    await page.getByRole('button', { name: t('backups.backUpNow') }).click();
    await page.getByRole('button', { name: t('create.start') }).click();
  }

  flow('no worker: work waits, says for whom, and goes on by itself when there is one', async (t, language) => {
    const { web } = given();
    const page = await given().open({ as: 'administrator', language });
    await page.goto(backups);
    await backUp(page, t);
    await page.getByText(t('jobs.noWorker')).waitFor();
    await page.getByText('cofre worker').waitFor();
    await expectAccessible(page);
    const preview = await given().open({ as: 'administrator', language });
    await preview.goto(`${restorePage()}?step=preview`);
    await preview.getByText(t('restore.run.noWorkerHint')).waitFor();
    const worker = await web.startWorker();
    await page.getByText(t('jobs.ended', { kind: t('jobs.kinds.create-backup') })).waitFor();
    await preview.getByText(t('restore.preview.nothing')).waitFor();
    await worker.stop();
  });

  flow('the database goes: every page and button says so, and works again without a restart', async (t, language) => {
    const { web } = given();
    const page = await given().open({ as: 'administrator', language, tolerates: [FAILED] });
    await page.goto(backups);
    await page.getByRole('list', { name: t('backups.title') }).waitFor();
    await line?.cut();
    await backUp(page, t);
    await expectWords(page, t, 'database/unreachable');
    const cookie = cookieHeader(await web.session('administrator'));
    for (const address of ['/admin/modules', backups, backupPage(), restorePage(), '/sign-in']) {
      const answer = await fetch(`${web.url}${address}`, { headers: { cookie, 'accept-language': language } });
      expect(answer.status, address).toBeGreaterThanOrEqual(500);
      expect(await answer.text(), address).not.toMatch(INSIDE);
      await page.goto(address);
      await page.getByText(t('errorPage.title')).waitFor();
      await page.getByText(t('errorPage.hint')).waitFor();
      await expectAccessible(page);
    }
    await screenshot(page, 'database-away');
    await line?.open();
    await page.getByRole('button', { name: t('common.retry') }).click();
    await page.getByRole('link', { name: 'Store One' }).waitFor();
    const worker = await web.startWorker();
    await page.goto(backups);
    await backUp(page, t);
    await page.getByText(t('jobs.ended', { kind: t('jobs.kinds.create-backup') })).waitFor();
    await worker.stop();
  });

  flow(
    'the place of the backups goes: lists stay, work says why not, and is done when it is back',
    async (t, language) => {
      const { web } = given();
      const page = await given().open({ as: 'administrator', language, tolerates: [FAILED] });
      const worker = await web.startWorker();
      const away = `${web.repositoryFolder}-away`;
      await rename(web.repositoryFolder, away);
      try {
        await page.goto(backups);
        await page.getByRole('list', { name: t('backups.title') }).waitFor();
        await backUp(page, t);
        await expectWords(page, t, 'repository/not-found');
        await page.goto('/admin/modules/shop/one');
        await page.getByText(t('implementation.sliceAway')).waitFor();
        // The server has opened the repository before, and what it finds no more is no damage.
        await page.goto(`${backupPage()}?view=rows`);
        await expectWords(page, t, 'repository/not-found');
        await page.goto(backupPage());
        await page.getByRole('button', { name: t('backup.verifyNow') }).click();
        await expectWords(page, t, 'repository/not-found');
        await page.goto(restorePage());
        await expectWords(page, t, 'repository/not-found');
        expect(existsSync(web.repositoryFolder)).toBe(false);
      } finally {
        await rename(away, web.repositoryFolder);
      }
      await page.getByRole('button', { name: t('common.retry') }).click();
      await page.getByText(t('restore.what.tables'), { exact: true }).waitFor();
      await worker.stop();
    },
  );

  flow(
    'a backup is damaged: whoever verifies, looks inside or restores is told, and nothing is changed',
    async (t, language) => {
      const { web } = given();
      const page = await given().open({ as: 'administrator', language, tolerates: [FAILED] });
      const worker = await web.startWorker();
      await web.db.query(`UPDATE public.item SET price = 4711 WHERE sku = 'sku-10'`);
      const mend = await damage(path.join(web.repositoryFolder, 'packs'));
      await page.goto(backupPage());
      await page.getByRole('button', { name: t('backup.verifyNow') }).click();
      await expectWords(page, t, 'repository/damaged');
      await page.goto(`${backupPage()}?view=rows`);
      await expectWords(page, t, 'repository/damaged');
      await page.goto(`${restorePage()}?step=preview`);
      await page.getByText(t('restore.run.previewFailed')).waitFor();
      await expectWords(page, t, 'repository/damaged');
      await mend();
      await page.getByRole('button', { name: t('restore.run.again') }).click();
      await page.getByText(t('restore.preview.lead', { count: 1 })).waitFor();
      await web.db.query(`UPDATE public.item SET price = 11 WHERE sku = 'sku-10'`);
      await worker.stop();
    },
  );
});

/** Turns the middle of every file; gives the way back. */
async function damage(folder: string): Promise<() => Promise<void>> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = names.filter((it) => it.isFile()).map((it) => path.join(it.parentPath, it.name));
  const kept = await Promise.all(files.map(async (file) => ({ file, bytes: await readFile(file) })));
  const writeAll = (change: (bytes: Buffer) => Buffer) =>
    Promise.all(kept.map(({ file, bytes }) => writeFile(file, change(bytes))));
  await writeAll((bytes) => Buffer.from(bytes.map((byte, index) => (index % 16 === 7 ? byte ^ 0xff : byte))));
  return async () => {
    await writeAll((bytes) => bytes);
  };
}
