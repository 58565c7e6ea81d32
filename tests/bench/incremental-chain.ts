import path from 'node:path';
import { type BenchPlace, settle } from './bench-run.ts';
import { type CofreSlices, keepIncrementals, requireProbed } from './cofre-incrementals.ts';
import { BACKUP, inFreshFolder } from './contenders.ts';
import type { Sample } from './incremental-turns.ts';
import { bytesIn, type Measured, measure } from './measure.ts';
import { SCATTERED, tidyUp } from './stock-changes.ts';
import type { Stock } from './stock-place.ts';
import { emptySlice, requireSlice, type SliceFacts, sliceFacts } from './stock-table.ts';
import { withClient } from './with-client.ts';

export interface ChainInput {
  readonly place: BenchPlace;
  readonly stock: Stock;
  readonly rows: number;
  readonly length: number;
}

export interface Chain {
  readonly full: Sample;
  readonly incrementals: readonly Sample[];
  readonly restores: {
    readonly afterFull: Measured;
    readonly afterChain: Measured;
    /** Which of the chain was restored, counted from 1. */
    readonly link: number;
  };
}

interface Link {
  readonly id: string;
  readonly number: number;
  readonly slice: SliceFacts;
}

/** As often the table is vacuumed, as it would be where 20 % of its rows are dead. */
const LINKS_PER_VACUUM = 10;

/**
 * Deltas pile up from backup to backup until a range is stored anew, and with ranges that age alike the last backup may be
 * one that happens to have few: of so many the one that is made of the most blocks is restored.
 */
const LAST_LINKS = 9;

/** One incremental after another, each after scattered updates; then restores of one of the last, and of a full backup. */
export async function measureChain(input: ChainInput): Promise<Chain> {
  const { place, stock, length } = input;
  console.log(`A chain of ${length}:`);
  return inFreshFolder(place.scratch, 'chain', async (folder) => {
    const repository = await keepIncrementals(place, stock.cofre, path.join(folder, 'repository'));
    await settle(place);
    const full = await backUp(repository);
    const incrementals: Sample[] = [];
    const last: Link[] = [];
    for (let number = 1; number <= length; number++) {
      const changed = await change(input, number);
      const sample = await backUp(repository);
      incrementals.push(sample);
      console.log(`  ${number}: ${sample.seconds.toFixed(2)} s, ${sample.storedBytes} bytes`);
      const id = await requireProbed(stock.database, changed);
      if (number > length - LAST_LINKS) last.push({ id, number, slice: await sliceFacts(stock.database) });
    }
    return { full, incrementals, restores: await measureRestores(input, { repository, last }) };
  });
}

async function backUp({ folder, backUp: run }: CofreSlices): Promise<Sample> {
  const before = await bytesIn(folder);
  const measured = await run();
  return { ...measured, storedBytes: (await bytesIn(folder)) - before };
}

function change({ stock, rows }: ChainInput, number: number): Promise<number> {
  return withClient(stock.database, async (client) => {
    const changed = await SCATTERED.make(client, { rows, salt: 1_000_000 + number });
    if (number % LINKS_PER_VACUUM === 0) await tidyUp(client);
    return changed;
  });
}

async function measureRestores(
  { place, stock }: ChainInput,
  { repository, last }: { readonly repository: CofreSlices; readonly last: readonly Link[] },
): Promise<Chain['restores']> {
  const { cofre, database } = stock;
  const link = await theLongest(stock, { repository, last });
  const full = JSON.parse(await cofre.run(BACKUP, repository.environment)) as { readonly id: string };
  const now = await sliceFacts(database);
  const restore = async (id: string, slice: SliceFacts): Promise<Measured> => {
    await emptySlice(database);
    await settle(place);
    const command = cofre.line(`restore apply ${id} --yes --progress none --json`);
    const measured = await measure(command, repository.environment, place.scratch);
    await requireSlice(database, slice);
    console.log(`  restore of ${id}: ${measured.seconds.toFixed(2)} s`);
    return measured;
  };
  const afterFull = await restore(full.id, now);
  const afterChain = await restore(link.id, link.slice);
  return { afterFull, afterChain, link: link.number };
}

/** The one that is made of the most blocks. */
async function theLongest(
  { cofre }: Stock,
  { repository, last }: { readonly repository: CofreSlices; readonly last: readonly Link[] },
): Promise<Link> {
  const blocks = new Map<Link, number>();
  for (const link of last) {
    const answer = await cofre.run(`backup verify ${link.id} --progress none --json`, repository.environment);
    const { checked } = JSON.parse(answer) as { readonly checked: { readonly blocks: number } };
    blocks.set(link, checked.blocks);
  }
  const [longest] = [...blocks].toSorted(([, one], [, other]) => other - one);
  if (longest === undefined) throw new Error('a chain has a link');
  return longest[0];
}
