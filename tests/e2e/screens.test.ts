import type { Page } from 'playwright-core';
import { beforeAll, it } from 'vitest';
import {
  describeInBrowser,
  expectAccessible,
  expectFits,
  LANGUAGES,
  type PageOptions,
  screenshot,
  WIDTHS,
} from '../support/browser.ts';
import { guideWidth, IS_FOR_GUIDES } from '../support/guide-screens.ts';
import { IS_LONG } from '../support/long-tests.ts';
import { loadSights, type Sights } from '../support/sights.ts';
import type { PersonName } from '../support/web-platform.ts';
import { type Words, wordsOf } from '../support/words.ts';

interface Visit {
  readonly page: Page;
  readonly t: Words;
  readonly sights: Sights;
}

interface Screen {
  readonly name: string;
  /** Default: an administrator. */
  readonly person?: PersonName;
  /** What the browser says of it. */
  readonly tolerates?: readonly RegExp[];
  /** Goes there, and waits until all of it is seen. */
  readonly open: (visit: Visit) => Promise<unknown>;
}

const heading = (page: Page, name: string) => page.getByRole('heading', { name }).first().waitFor();
const said = (page: Page, words: string) => page.getByText(words).first().waitFor();
const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).first();

async function openModules({ page, t }: Visit, search = ''): Promise<void> {
  await page.goto(`/admin/modules${search}`);
  await page.getByRole('searchbox', { name: t('modules.search') }).waitFor();
  await said(page, t('figures.successRate'));
}

/** What is before one is inside is looked at in `door.test.ts`. */
const MODULES: readonly Screen[] = [
  {
    name: 'not-found',
    tolerates: [/status of 404/],
    open: async ({ page, t }) => {
      await page.goto('/admin/nowhere');
      await heading(page, t('notFound.title'));
    },
  },
  { name: 'modules', open: (visit) => openModules(visit) },
  { name: 'modules-viewer', person: 'viewer', open: (visit) => openModules(visit) },
  {
    name: 'modules-nothing-found',
    open: async (visit) => {
      await openModules(visit, '?q=nowhere');
      await said(visit.page, visit.t('modules.nothingFound'));
    },
  },
  {
    name: 'modules-selected',
    open: async (visit) => {
      await openModules(visit);
      await visit.page.getByRole('checkbox').first().click();
      await visit.page.getByRole('checkbox').last().click();
      await said(visit.page, visit.t('modules.selected', { count: 2 }));
    },
  },
  {
    name: 'preferences',
    open: async (visit) => {
      await openModules(visit);
      await button(visit.page, visit.t('preferences.open')).click();
      await visit.page.getByRole('menu').waitFor();
    },
  },
];

async function openDetails({ page, t, sights }: Visit): Promise<void> {
  await page.goto(sights.implementation);
  await said(page, t('implementation.assignmentsNote'));
}

async function openBackups({ page, t }: Visit, address: string): Promise<void> {
  await page.goto(address);
  await page.getByRole('list', { name: t('backups.title') }).waitFor();
  await page.getByRole('region', { name: t('strip.title') }).waitFor();
}

/** The menu of the first backup of a list that is described so. */
async function openMenu(visit: Visit, description: string): Promise<void> {
  await openBackups(visit, `${visit.sights.implementation}?tab=backups`);
  const { page, t } = visit;
  const list = page.getByRole('list', { name: t('backups.title') });
  const more = button(page, t('backups.more'));
  while ((await list.getByText(description).count()) === 0) {
    const shown = await list.locator('> li').count();
    await more.click();
    await list.locator('> li').nth(shown).waitFor();
  }
  await list.locator('> li').filter({ hasText: description }).first().getByRole('button').last().click();
  await page.getByRole('menu').waitFor();
}

async function choose(visit: Visit, description: string, action: string): Promise<void> {
  await openMenu(visit, description);
  await visit.page.getByRole('menuitem', { name: visit.t(`backups.${action}`), exact: true }).click();
}

const IMPLEMENTATION: readonly Screen[] = [
  {
    name: 'implementation',
    open: async (visit) => {
      await openDetails(visit);
      const configuration = visit.page.locator('summary').first();
      await configuration.click();
    },
  },
  { name: 'implementation-viewer', person: 'viewer', open: openDetails },
  { name: 'backups', open: (visit) => openBackups(visit, `${visit.sights.implementation}?tab=backups`) },
  {
    name: 'backups-viewer',
    person: 'viewer',
    open: (visit) => openBackups(visit, `${visit.sights.implementation}?tab=backups`),
  },
  { name: 'backups-failing', open: (visit) => openBackups(visit, `${visit.sights.failing}?tab=backups`) },
  {
    name: 'backups-none',
    open: async ({ page, t, sights }) => {
      await page.goto(`${sights.empty}?tab=backups`);
      await button(page, t('backups.firstBackup')).waitFor();
    },
  },
  {
    name: 'backups-day',
    open: async (visit) => {
      await openBackups(visit, `${visit.sights.implementation}?tab=backups`);
      await visit.page
        .getByRole('region', { name: visit.t('strip.title') })
        .getByRole('button')
        .last()
        .focus();
      await visit.page.getByRole('tooltip').first().waitFor({ state: 'attached' });
    },
  },
  { name: 'backups-menu', open: (visit) => openMenu(visit, visit.sights.plain) },
  {
    name: 'backups-create',
    open: async (visit) => {
      await openBackups(visit, `${visit.sights.implementation}?tab=backups`);
      await button(visit.page, visit.t('backups.backUpNow')).click();
      await visit.page.getByRole('dialog').getByText(/30/).waitFor();
    },
  },
  {
    name: 'backups-hold',
    open: async (visit) => {
      await choose(visit, visit.sights.plain, 'hold');
      await heading(visit.page, visit.t('backups.holdTitle'));
    },
  },
  {
    name: 'backups-delete',
    open: async (visit) => {
      await choose(visit, visit.sights.plain, 'delete');
      await heading(visit.page, visit.t('backups.deleteTitle'));
    },
  },
  {
    name: 'backups-delete-held',
    open: async (visit) => {
      await choose(visit, visit.sights.held, 'delete');
      await heading(visit.page, visit.t('backups.heldTitle'));
    },
  },
  {
    name: 'backups-waiting',
    open: async (visit) => {
      await openBackups(visit, `${visit.sights.waiting}?tab=backups`);
      await said(visit.page, visit.t('jobs.noWorker'));
    },
  },
];

const BACKUP: readonly Screen[] = [
  {
    name: 'backup',
    open: async ({ page, t, sights }) => {
      await page.goto(sights.backup);
      await said(page, t('backup.checksum'));
    },
  },
  {
    name: 'backup-failed',
    open: async ({ page, t, sights }) => {
      await page.goto(sights.failed);
      await said(page, t('errors.database/lock-timeout.message'));
    },
  },
  {
    name: 'backup-orphan',
    open: async ({ page, t, sights }) => {
      await page.goto(sights.orphan);
      await said(page, t('backup.checksum'));
    },
  },
  {
    name: 'backup-rows',
    open: async ({ page, t, sights }) => {
      await page.goto(`${sights.backup}?view=rows`);
      await page.getByRole('navigation', { name: t('rows.tables') }).waitFor();
    },
  },
  {
    name: 'backup-compared',
    open: async ({ page, t, sights }) => {
      await page.goto(`${sights.backup}?view=compare`);
      await said(page, t('compare.operations.update'));
    },
  },
];

const RESTORE: readonly Screen[] = [
  {
    name: 'restore-what',
    open: async ({ page, t, sights }) => {
      await page.goto(sights.restore);
      await page.getByText(t('restore.what.tables'), { exact: true }).click();
      await page.getByRole('checkbox').first().waitFor();
    },
  },
  {
    name: 'restore-how',
    open: async ({ page, t, sights }) => {
      await page.goto(`${sights.restore}?step=how`);
      await heading(page, t('restore.how.title'));
    },
  },
  {
    name: 'restore-planning',
    open: async ({ page, t, sights }) => {
      await page.goto(`${sights.restore}?step=preview`);
      await said(page, t('restore.run.noWorkerHint'));
    },
  },
  {
    name: 'restore-preview',
    open: async ({ page, t, sights }) => {
      await page.goto(sights.preview);
      await said(page, t('restore.preview.safetyHint'));
    },
  },
  {
    name: 'restore-rows',
    open: async ({ page, sights }) => {
      await page.goto(`${sights.preview}&open=public.products`);
      await page.getByRole('table').getByRole('button').first().waitFor();
    },
  },
  {
    name: 'restore-row',
    open: async ({ page, sights }) => {
      await page.goto(`${sights.preview}&open=public.products`);
      await page.getByRole('table').getByRole('button').first().click();
      await page.getByRole('dialog').getByRole('listitem').first().waitFor();
    },
  },
  {
    name: 'restore-conflicts',
    open: async ({ page, t, sights }) => {
      await page.goto(sights.conflicts);
      await said(page, t('restore.concerns.blocked'));
    },
  },
  {
    name: 'restore-nothing',
    open: async ({ page, t, sights }) => {
      await page.goto(sights.nothing);
      await said(page, t('restore.preview.nothing'));
    },
  },
  {
    name: 'restore-confirm',
    open: async ({ page, t, sights }) => {
      await page.goto(sights.preview.replace('step=preview', 'step=confirm'));
      await said(page, t('restore.confirm.then'));
    },
  },
  {
    name: 'restore-stale',
    open: async ({ page, t, sights }) => {
      await page.goto(sights.stale);
      await said(page, t('restore.run.stale'));
    },
  },
  {
    name: 'restore-result',
    open: async ({ page, t, sights }) => {
      await page.goto(sights.result);
      await said(page, t('restore.result.verified'));
    },
  },
  {
    name: 'restore-undo',
    open: async ({ page, t, sights }) => {
      await page.goto(sights.result);
      await button(page, t('restore.result.undo')).click();
      await heading(page, t('restore.result.undoAsk'));
    },
  },
  {
    name: 'wrong-when',
    open: async ({ page, t, sights }) => {
      await page.goto(`${sights.implementation}/something-went-wrong`);
      await heading(page, t('restore.wrong.when'));
    },
  },
  {
    name: 'wrong-proposal',
    open: async ({ page, t, sights }) => {
      await page.goto(`${sights.implementation}/something-went-wrong?at=${new Date().toISOString()}`);
      await heading(page, t('restore.wrong.proposal'));
      await said(page, t('restore.run.noWorkerHint'));
    },
  },
  {
    name: 'wrong-none',
    open: async ({ page, t, sights }) => {
      await page.goto(`${sights.implementation}/something-went-wrong?at=2001-01-01T00:00:00Z`);
      await heading(page, t('restore.wrong.none'));
    },
  },
];

const SCREENS = [...MODULES, ...IMPLEMENTATION, ...BACKUP, ...RESTORE];
const SCHEMES = ['light', 'dark'] as const;

type Look = Required<Pick<PageOptions, 'language' | 'width' | 'scheme'>>;

/** Each screen at each width, in one of the languages, light or dark: the others have the other, and `--long` has all. */
interface Views {
  readonly first: Look;
  readonly resizedTo: readonly Look['width'][];
}

function viewsOf(place: number): Views {
  const width = WIDTHS[place % WIDTHS.length] ?? 360;
  return {
    first: { width, language: pick(LANGUAGES, place), scheme: pick(SCHEMES, Math.floor(place / 2)) },
    resizedTo: WIDTHS.filter((other) => other !== width),
  };
}

function pick<Item>(items: readonly [Item, Item], index: number): Item {
  return items[index % 2 === 0 ? 0 : 1];
}

/** On a machine that has other work. */
const LOOK_MS = 20_000;

const EVERY_LOOK: readonly Look[] = WIDTHS.flatMap((width) =>
  LANGUAGES.flatMap((language) => SCHEMES.map((scheme) => ({ width, language, scheme }))),
);

/** As the guides show a screen, in each language. */
function guideLooks(name: string): readonly Look[] {
  const width = guideWidth(name);
  return width === null ? [] : LANGUAGES.map((language) => ({ width, language, scheme: 'light' }));
}

describeInBrowser('every screen', { platform: 'month' }, (given) => {
  let sights: Sights;
  beforeAll(async () => {
    sights = await loadSights(given().web);
  });

  async function show({ name, person = 'administrator', tolerates = [], open }: Screen, look: Look): Promise<Page> {
    const page = await given().open({ ...look, tolerates, as: person });
    await open({ page, t: wordsOf(look.language), sights });
    await screenshot(page, name);
    return page;
  }

  it.each(SCREENS.map((screen, place) => ({ ...screen, views: viewsOf(place) })))(
    '$name fits every window and is accessible',
    async ({ views: { first, resizedTo }, ...screen }) => {
      const page = await show(screen, first);
      await expectAccessible(page);
      for (const width of resizedTo) {
        await page.setViewportSize({ width, height: 900 });
        await expectFits(page);
      }
    },
  );

  it.runIf(IS_LONG).each(SCREENS)(
    '$name is accessible at every width, in both languages, light and dark',
    async (screen) => {
      for (const look of EVERY_LOOK) {
        const page = await show(screen, look);
        await expectAccessible(page);
        await page.close();
      }
    },
    EVERY_LOOK.length * LOOK_MS,
  );

  it.runIf(IS_FOR_GUIDES).each(SCREENS.filter(({ name }) => guideWidth(name) !== null))(
    '$name is kept for the guides in both languages',
    async (screen) => {
      for (const look of guideLooks(screen.name)) await (await show(screen, look)).close();
    },
  );
});
