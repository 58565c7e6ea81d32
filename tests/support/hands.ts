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
    await this.#page.keyboard.press(name);
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
