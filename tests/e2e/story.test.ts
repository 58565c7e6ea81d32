import type { Page } from 'playwright-core';
import { beforeAll, expect, it } from 'vitest';
import {
  checksumDatabase,
  type DatabaseChecksums,
  differences,
  INVENTORY_SLICE,
} from '../../packages/services/src/demo/checksums.ts';
import { DEMO_IMPLEMENTATIONS, type DemoImplementation } from '../../packages/services/src/demo/platform.ts';
import {
  applyRestore,
  type Damage,
  listAuditLogs,
  planRestore,
  type ServiceContext,
} from '../../packages/services/src/index.ts';
import { demoDamageDocument } from '../../packages/contracts/src/index.ts';
import { describeInBrowser, expectAccessible } from '../support/browser.ts';
import { type Hands, Keyboard, Mouse } from '../support/hands.ts';
import { type Words, wordsOf } from '../support/words.ts';

const STORIES = [
  { language: 'pt-BR', by: 'mouse', handsOf: () => new Mouse() },
  { language: 'en', by: 'keyboard', handsOf: (page: Page) => new Keyboard(page) },
] as const;

/** From the list of modules to the result, and from there back: what a frightened person can be asked for. */
const CLICKS_MAX = { restore: 6, undo: 2 };

/** It goes through many pages, and the machine may have other work. */
const STORY_MS = 180_000;

const HIT = hitImplementation();
const HIT_REF = { id: HIT.id, module: HIT.module, key: HIT.key };

interface Scene {
  readonly page: Page;
  readonly hands: Hands;
  readonly t: Words;
  readonly damage: Damage;
}

describeInBrowser('a bad deploy', { platform: 'demo' }, (given) => {
  beforeAll(() => given().web.startWorker());

  const checksums = () => checksumDatabase(given().web.db.database, INVENTORY_SLICE, HIT.id);

  it.each(STORIES)(
    'is found, looked at, put right and undone, in $language by $by',
    async ({ by, ...story }) => {
      const { web } = given();
      const page = await given().open({ as: 'administrator', language: story.language });
      const whole = await checksums();
      const damage = await damageByButton(page, wordsOf(story.language), web.context);
      await web.db.query(`INSERT INTO public.notes (tenant_id, contact_id, author, body)
      SELECT tenant_id, id, 'Support', 'Called about the prices in the shop.' FROM public.contacts LIMIT 1`);
      const damaged = await checksums();
      const scene: Scene = { page, hands: story.handsOf(page), t: wordsOf(story.language), damage };
      await page.goto('/admin/modules');
      const began = performance.now();
      await find(scene);
      await preview(scene);
      const looked = scene.hands.count;
      await lookAtRows(scene);
      const back = scene.hands.count - looked;
      await restore(scene);
      const restored = { steps: scene.hands.count - back, ms: performance.now() - began };
      expect(differing(whole, await checksums())).toEqual({ slice: [], others: ['public.notes'] });
      expect(differing(damaged, await checksums()).others).toEqual([]);
      const again = performance.now();
      await undo(scene);
      const undone = { steps: scene.hands.count - back - restored.steps, ms: performance.now() - again };
      expect(differing(damaged, await checksums())).toEqual({ slice: [], others: [] });
      console.info(
        `The story by ${by}: restored after ${inWords(restored)}, undone after ${inWords(undone)}, not counting the look at rows.`,
      );
      if (by === 'mouse') {
        expect(restored.steps).toBeLessThanOrEqual(CLICKS_MAX.restore);
        expect(undone.steps).toBeLessThanOrEqual(CLICKS_MAX.undo);
      }
      const { id: plan } = await planRestore(web.context, { backup: web.place.backupId });
      await applyRestore(web.context, { plan });
    },
    STORY_MS,
  );
});

/** As the strip of a demo offers it; what it did is in the log, and said in words with a way on. */
async function damageByButton(page: Page, t: Words, context: ServiceContext): Promise<Damage> {
  await page.goto('/admin/modules');
  await page.getByRole('button', { name: t('demo.damage', { name: HIT.name }) }).click();
  await page.getByText(t('demo.damagedTitle', { name: HIT.name })).waitFor();
  const [entry] = (await listAuditLogs(context, { action: 'DAMAGE_DEMO', limit: 1 })).items;
  const { implementation: _hit, ...damage } = demoDamageDocument.parse({ ...entry?.details, implementation: HIT_REF });
  await page.getByText(t('demo.damaged', damage)).waitFor();
  await expectAccessible(page);
  const way = page.getByRole('note').getByRole('link', { name: t('demo.mend') });
  expect(await way.getAttribute('href')).toBe(`/admin/modules/${HIT.module}/${HIT.key}/something-went-wrong`);
  return damage;
}

/** What the demo's accident hits. */
function hitImplementation(): DemoImplementation {
  const found = DEMO_IMPLEMENTATIONS.find(({ key }) => key === 'perishable');
  if (found === undefined) throw new Error('the demo has what it damages');
  return found;
}

function inWords({ steps, ms }: { readonly steps: number; readonly ms: number }): string {
  return `${steps} presses and ${(ms / 1000).toFixed(1)} s`;
}

/** Tables that differ; who is signed in is not asked. */
function differing(before: DatabaseChecksums, after: DatabaseChecksums) {
  const ofPeople = (table: string) => table.startsWith('cofre_auth.') || table.startsWith('auth.');
  return {
    slice: differences(before.slice, after.slice),
    others: differences(before.others, after.others).filter((table) => !ofPeople(table)),
  };
}

/** From the list to the backup to go back to. */
async function find({ page, hands, t, damage }: Scene): Promise<void> {
  await hands.press(page.getByRole('link', { name: HIT.name }));
  await hands.press(page.getByRole('link', { name: t('implementation.somethingWentWrong') }));
  await hands.press(page.getByRole('button', { name: t('restore.wrong.now') }));
  await page.getByRole('heading', { name: t('restore.wrong.proposal') }).waitFor();
  const { productsDeleted, childrenDeleted, pricesChanged, settingsBroken } = damage;
  const difference = t('restore.wrong.differenceLead', {
    missing: productsDeleted + childrenDeleted,
    changed: pricesChanged + settingsBroken,
    added: 0,
  });
  await page.getByText(difference).waitFor();
}

async function preview({ page, hands, t, damage }: Scene): Promise<void> {
  await hands.press(page.getByRole('button', { name: t('restore.wrong.open') }));
  await page.getByRole('heading', { name: t('restore.preview.title') }).waitFor();
  const { pricesChanged, settingsBroken } = damage;
  await page.getByText(t('restore.preview.lead', { count: pricesChanged + settingsBroken })).waitFor();
}

/** What is going to change, row by row: by kind, by a word, and one whole. */
async function lookAtRows({ page, hands, t, damage }: Scene): Promise<void> {
  const products = page.getByRole('button', { name: new RegExp(`^products .*${t('restore.preview.showRows')}$`) });
  await hands.press(products);
  await hands.press(
    page.getByRole('button', { name: t('restore.rows.kinds.update', { count: damage.pricesChanged }) }),
  );
  const rows = page.getByRole('table', { name: t('restore.rows.of', { table: 'products' }) });
  await hands.press(rows.getByRole('button').first());
  const dialog = page.getByRole('dialog');
  await dialog.getByText(t('restore.rows.ops.update')).waitFor();
  const price = dialog.getByRole('listitem').filter({ hasText: /^price/ });
  await price.getByText(t('restore.rows.changed')).waitFor();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  await expectAccessible(page);
}

async function restore({ page, hands, t }: Scene): Promise<void> {
  await hands.press(page.getByRole('button', { name: t('restore.continue') }));
  await hands.press(page.getByRole('button', { name: t('restore.confirm.go') }));
  await page.getByRole('heading', { name: new RegExp(`^${t('restore.result.title')}`) }).waitFor();
  await page.getByText(t('restore.result.verified')).waitFor();
}

async function undo({ page, hands, t }: Scene): Promise<void> {
  await hands.press(page.getByRole('button', { name: t('restore.result.undo') }));
  await hands.press(page.getByRole('alertdialog').getByRole('button', { name: t('restore.result.undoGo') }));
  await page.getByRole('heading', { name: new RegExp(`^${t('restore.result.undoTitle')}`) }).waitFor();
}
