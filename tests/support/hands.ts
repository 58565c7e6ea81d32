import type { Locator, Page } from 'playwright-core';
import { expect } from 'vitest';

/** How somebody uses a page, and how much they had to do. */
export interface Hands {
  /** Clicks, or keys that were pressed. */
  readonly count: number;
  /** Presses what is a button or a link. */
  press(target: Locator): Promise<void>;
  /** Writes into a field. */
  write(target: Locator, text: string): Promise<void>;
}

export class Mouse implements Hands {
  count = 0;

  async press(target: Locator): Promise<void> {
    await target.click();
    this.count += 1;
  }

  async write(target: Locator, text: string): Promise<void> {
    await this.press(target);
    await target.fill(text);
  }
}

/** More than any page here has: then it goes round in circles. */
const STOPS_MAX = 150;

/** The keyboard alone. What it comes to has to be seen. */
export class Keyboard implements Hands {
  readonly #page: Page;
  count = 0;

  constructor(page: Page) {
    this.#page = page;
  }

  async press(target: Locator): Promise<void> {
    await this.reach(target);
    await this.key('Enter');
  }

  async write(target: Locator, text: string): Promise<void> {
    await this.reach(target);
    await this.#page.keyboard.type(text);
    this.count += text.length;
  }

  /** A box, or one of several buttons of which one is chosen. */
  async tick(target: Locator): Promise<void> {
    await this.reach(target);
    await this.key('Space');
  }

  /** An entry of a list of the browser's own, by arrows from its first. */
  async pick(list: Locator, label: string): Promise<void> {
    const chosen = () => list.locator('option:checked').textContent();
    await this.reach(list);
    await this.key('Home');
    for (let before = await chosen(); before !== label; before = await chosen()) {
      await this.key('ArrowDown');
      await expect.poll(chosen, { message: `${list.toString()} has ${label} after ${before}` }).not.toBe(before);
    }
  }

  /** It has come there by itself, or comes soon. */
  async expectAt(target: Locator): Promise<void> {
    await expect.poll(() => hasFocus(target), { message: `the focus is at ${target.toString()}` }).toBe(true);
  }

  /** A heading that the focus was brought to needs no ring: it is what is read next, and nothing to press. */
  async expectAtHeading(heading: Locator): Promise<void> {
    await expect.poll(() => heading.evaluate(focusLook), { message: heading.toString() }).not.toBeNull();
  }

  /**
   * From the beginning of the page by Tab through everything to its end: each stop is seen and not covered, and none holds
   * one fast. Gives how many there are.
   */
  async walk(): Promise<number> {
    await this.#page.evaluate('document.activeElement?.blur(); globalThis.walked = []; scrollTo(0, 0)');
    for (let stop = 0; stop < STOPS_MAX; stop += 1) {
      await this.key('Tab');
      const at = await this.#page.evaluate<string | null>(WHERE);
      if (at === null) return stop;
      expect(at, `stop ${stop} of ${this.#page.url()}`).toMatch(/^seen /);
    }
    throw new Error(`the keyboard does not come through ${this.#page.url()}`);
  }

  /** An entry of a menu that is open, by arrows. */
  async choose(entry: Locator): Promise<void> {
    await entry.waitFor();
    for (let stop = 0; !(await hasFocus(entry)); stop += 1) {
      if (stop === STOPS_MAX) throw new Error(`the arrows do not come to ${entry.toString()}`);
      await this.key('ArrowDown');
    }
    await this.key('Enter');
  }

  async key(name: string): Promise<void> {
    // Nobody is quicker; what follows arrows looks at whether they are down.
    await this.#page.keyboard.press(name, { delay: name.startsWith('Arrow') ? 20 : 0 });
    this.count += 1;
  }

  /** By Tab, from wherever the focus is. */
  async reach(target: Locator): Promise<void> {
    // What is switched off for a moment is passed by.
    await expect.poll(() => target.isEnabled(), { timeout: 20_000 }).toBe(true);
    for (let stop = 0; stop < STOPS_MAX; stop += 1) {
      if (await hasFocus(target)) return;
      await this.key('Tab');
    }
    throw new Error(`the keyboard does not come to ${target.toString()}`);
  }
}

/** Runs in the browser: what has the focus, and how that looks. null: nothing has, or what had it first. */
const WHERE = `(() => {
  const at = document.activeElement;
  if (at === null || at === document.body || at === walked[0]) return null;
  // Day, month and year are stops of one field.
  const again = walked.includes(at) && !(walked.at(-1) === at && at.matches('input[type^=date]'));
  walked.push(at);
  const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(at);
  const box = at.getBoundingClientRect();
  // The day's little calendar has a ring of the browser's.
  const isSeen = at.matches('input[type^=date]') || (outlineStyle !== 'none' && outlineWidth !== '0px') || boxShadow !== 'none';
  const points = [[0.5, 0.5], [0.1, 0.1], [0.9, 0.1], [0.1, 0.9], [0.9, 0.9]];
  const isFree = points.some(([x, y]) => {
    const top = document.elementFromPoint(box.left + x * box.width, box.top + y * box.height);
    return top !== null && (at.contains(top) || top.contains(at)) && top !== document.body;
  });
  return [again ? 'again' : !isSeen ? 'unseen' : !isFree ? 'covered' : 'seen', at.outerHTML.slice(0, 200)].join(' ');
})()`;

/** What has the focus has to look so. */
async function hasFocus(target: Locator): Promise<boolean> {
  const look = await target.evaluate(focusLook);
  if (look === null) return false;
  expect(look, `${target.toString()} has the focus, and nobody sees it`).toBe('seen');
  return true;
}

/** As much as is needed of what browsers know of an element. */
interface BrowserElement {
  matches(selector: string): boolean;
  readonly ownerDocument: { readonly defaultView: { getComputedStyle(element: BrowserElement): Style } };
}

interface Style {
  readonly outlineStyle: string;
  readonly outlineWidth: string;
  readonly boxShadow: string;
}

/** Runs in the browser. null: something else has the focus. Entries of menus are seen by their ground. */
function focusLook(element: BrowserElement): 'seen' | 'unseen' | null {
  if (!element.matches(':focus')) return null;
  if (element.matches('[role^=menuitem]')) return 'seen';
  const { outlineStyle, outlineWidth, boxShadow } = element.ownerDocument.defaultView.getComputedStyle(element);
  return (outlineStyle !== 'none' && outlineWidth !== '0px') || boxShadow !== 'none' ? 'seen' : 'unseen';
}
