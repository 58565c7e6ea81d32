import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { type BenchPlace, settle } from './bench-run.ts';
import { keepIncrementals, requireProbed } from './cofre-incrementals.ts';
import { FLOOR, inFreshFolder, plainCopy } from './contenders.ts';
import { bytesIn, type Measured } from './measure.ts';
import type { Peer, SliceRepository } from './peers.ts';
import type { Stock } from './stock-place.ts';
import { CHANGES, type StockChange, tidyUp } from './stock-changes.ts';
import { withClient } from './with-client.ts';

export interface Sample extends Measured {
  /** By how much the repository grew; null: nothing is kept. */
  readonly storedBytes: number | null;
}

/** Backups by one contender after one kind of change, or with no backup before. */
export interface TurnRow {
  readonly change: string;
  readonly contender: string;
  readonly samples: readonly Sample[];
}

export const OURS = 'cofre backup create --type incremental';
/** The backup on which the others build. */
export const FIRST = 'everything: the first backup';

export interface TurnsInput {
  readonly place: BenchPlace;
  readonly stock: Stock;
  readonly peers: readonly Peer[];
  readonly rows: number;
  readonly turns: number;
}

interface Entrant {
  readonly name: string;
  /** null: it keeps nothing. */
  readonly folder: string | null;
  backUp(): Promise<Measured>;
}

/**
 * One change after another is made to the slice, and after each all contenders back it up, so that every repository has
 * the state before. The peers keep theirs throughout; Cofre begins every turn with a full backup in a new one, so that
 * a turn does not pay for what the turns before it left in the ranges.
 */
export async function measureTurns(input: TurnsInput): Promise<readonly TurnRow[]> {
  const { place, peers, turns } = input;
  const log = new TurnLog();
  await inFreshFolder(place.scratch, 'peers', async (folder) => {
    const entrants: Entrant[] = [];
    for (const [index, peer] of peers.entries()) {
      const own = path.join(folder, String(index));
      await mkdir(own);
      entrants.push(named(peer.name, await peer.makeRepository(own)));
    }
    for (const peer of entrants) await log.run(place, FIRST, peer);
    for (let turn = 1; turn <= turns; turn++) {
      console.log(`Turn ${turn} of ${turns}:`);
      await inFreshFolder(place.scratch, 'turn', (own) => takeTurn(input, { log, entrants, folder: own, turn }));
    }
  });
  return log.rows;
}

interface Turn {
  readonly log: TurnLog;
  readonly entrants: readonly Entrant[];
  readonly folder: string;
  readonly turn: number;
}

async function takeTurn(input: TurnsInput, { log, entrants, folder, turn }: Turn): Promise<void> {
  const { place, stock } = input;
  const floor: Entrant = { name: FLOOR, folder: null, backUp: () => plainCopy(place).run() };
  const ours = named(OURS, await keepIncrementals(place, stock.cofre, path.join(folder, 'repository')));
  await log.run(place, FIRST, floor);
  await log.run(place, FIRST, ours);
  for (const [index, change] of Object.values(CHANGES).entries()) {
    const changed = await makeChange(input, change, turn * 100 + index);
    await log.run(place, change.name, floor);
    await log.run(place, change.name, ours);
    await requireProbed(stock.database, changed);
    for (const peer of entrants) await log.run(place, change.name, peer);
  }
}

function makeChange({ stock, rows }: TurnsInput, change: StockChange, salt: number): Promise<number> {
  return withClient(stock.database, async (client) => {
    const changed = await change.make(client, { rows, salt });
    if (changed > 0) await tidyUp(client);
    return changed;
  });
}

function named(name: string, repository: SliceRepository): Entrant {
  return { name, folder: repository.folder, backUp: () => repository.backUp() };
}

/** What was measured, by the change and the contender. */
class TurnLog {
  readonly #samples = new Map<string, TurnRow & { readonly samples: Sample[] }>();

  get rows(): readonly TurnRow[] {
    return [...this.#samples.values()];
  }

  async run(place: BenchPlace, change: string, { name, folder, backUp }: Entrant): Promise<void> {
    await settle(place);
    const before = folder === null ? 0 : await bytesIn(folder);
    const measured = await backUp();
    const storedBytes = folder === null ? null : (await bytesIn(folder)) - before;
    const id = JSON.stringify([change, name]);
    const row = this.#samples.get(id) ?? { change, contender: name, samples: [] };
    row.samples.push({ ...measured, storedBytes });
    this.#samples.set(id, row);
    console.log(`  ${change}: ${name}: ${measured.seconds.toFixed(2)} s, ${storedBytes ?? 0} bytes`);
  }
}
