import { type Overlap, OVERLAPS_MAX, overlapError } from '@cofre/postgres';
import type { ServiceContext } from '../service-context.ts';
import type { SliceInputs } from './find-implementation.ts';
import { overlapsBeforeBackup, slicesOf } from './refuse-overlaps.ts';

/** What a module's implementations share is looked for again after so long: the search grows with their number. */
const FRESH_MS = 60_000;

/** A search that failed says little of the next one; but it is not to be made anew for each of a thousand. */
const FAILED_FRESH_MS = 5_000;

/** Rows that belong to two implementations, looked for once for all of a module: for runs that back up many of them. */
export class ModuleOverlaps {
  readonly #context: ServiceContext;
  readonly #found = new Map<string, { readonly at: number; readonly overlaps: Promise<readonly Overlap[]> }>();

  constructor(context: ServiceContext) {
    this.#context = context;
  }

  /** Throws `definition/overlap` where rows of this one are another's, too. The others of the module are not held up. */
  async refuse({ ref }: SliceInputs): Promise<void> {
    const overlaps = await this.#of(ref.module);
    const own = overlaps.filter(({ claims }) => claims.some(({ implementationId }) => implementationId === ref.id));
    if (own.length > 0) throw overlapError(own);
    // Only the first findings are told: this one may be in a later one.
    if (overlaps.length >= OVERLAPS_MAX) throw overlapError(overlaps);
  }

  #of(module: string): Promise<readonly Overlap[]> {
    const now = this.#context.clock.now().getTime();
    const known = this.#found.get(module);
    if (known !== undefined && Math.abs(now - known.at) < FRESH_MS) return known.overlaps;
    const overlaps = this.#search(module);
    this.#found.set(module, { at: now, overlaps });
    overlaps.catch(() => this.#found.set(module, { at: now - FRESH_MS + FAILED_FRESH_MS, overlaps }));
    return overlaps;
  }

  async #search(module: string): Promise<readonly Overlap[]> {
    const slices = await slicesOf(this.#context.catalogue, module);
    if (slices.length < 2) return [];
    return overlapsBeforeBackup(this.#context, slices);
  }
}
