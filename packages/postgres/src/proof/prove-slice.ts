import type { Manifest, ManifestTable, Random, RowBatch } from '@cofre/engine';
import type pg from 'pg';
import { sqlStateOf, translatePgError } from '../session/errors.ts';
import { withSessions } from '../session/open-session.ts';
import { printTable, quoteIdentifier, quoteTable } from '../session/quote.ts';
import type { Database } from '../session/types.ts';
import { type LiveTable, readLiveTables, whyNoLive } from './live-tables.ts';
import type { NotChecked, ProofFault, ProofStep, ProvenTable, SliceProof } from './proof-result.ts';
import { checkReferences } from './scratch-references.ts';
import { attempt, beginProof, withApplicationPath } from './scratch-session.ts';
import { type Filled, fillTable, type ScratchColumn, type ScratchTable, type ScratchWork } from './scratch-table.ts';
import { type ResolvedType, relaxedType, resolveTypes, restsOnDatabase } from './scratch-types.ts';
import { checkPromises } from './scratch-uniques.ts';

export interface ProveOptions {
  readonly database: Database;
  readonly manifest: Manifest;
  /** The rows of a table as the repository has them; asked for again where the table did not come back as it was. */
  readonly rowsOf: (table: ManifestTable) => AsyncIterable<RowBatch>;
  readonly random: Random;
  readonly lockTimeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly onStep?: ((step: ProofStep) => void) | undefined;
}

/**
 * Restores a slice into a scratch schema of the live database and compares: every row in by COPY, keys and constraints
 * made, every row out again in key order, byte for byte. All of it in one transaction that is never committed, so that
 * nothing is left whatever happens. No table of the application is written, locked for longer than a look into the
 * catalogues, or run code of; its types are used, because they are what a restore would meet.
 *
 * Faults of the backup are in the result. Thrown is what says nothing about the backup: no permission, a lost connection,
 * a cancelled statement, a full disk.
 */
export async function proveSlice(options: ProveOptions): Promise<SliceProof> {
  const { database, signal } = options;
  return withSessions({ database, signal }, async (sessions) => {
    try {
      const { client: reader } = await sessions.open('cofre proof');
      const { client } = await sessions.open('cofre proof');
      const proof = new Proof(options, client, {
        types: await resolveTypes(reader, options.manifest.tables),
        live: await readLiveTables(reader, options.manifest.tables),
      });
      return await proof.run();
    } catch (error) {
      throw translatePgError(error, { doing: 'proving a backup', signal, outcome: 'Nothing was changed.' });
    }
  });
}

interface LiveStructure {
  readonly types: ReadonlyMap<string, ResolvedType>;
  readonly live: ReadonlyMap<ManifestTable, LiveTable>;
}

class Proof {
  readonly #options: ProveOptions;
  readonly #client: pg.ClientBase;
  readonly #structure: LiveStructure;
  /** Nobody can guess it, so nobody can have made it before. */
  readonly #schema: string;
  readonly #filled = new Map<ManifestTable, ScratchTable>();
  readonly #notChecked: NotChecked[] = [];
  readonly #done = { apply: { rows: 0, bytes: 0 }, verify: { rows: 0, bytes: 0 } };

  constructor(options: ProveOptions, client: pg.ClientBase, structure: LiveStructure) {
    this.#options = options;
    this.#client = client;
    this.#structure = structure;
    this.#schema = `cofre_proof_${options.random.uuid().replaceAll('-', '')}`;
  }

  async run(): Promise<SliceProof> {
    const { manifest, lockTimeoutMs } = this.#options;
    await beginProof(this.#client, { schema: this.#schema, lockTimeoutMs });
    const tables: ProvenTable[] = [];
    for (const stored of manifest.tables) tables.push(await this.#proveTable(stored));
    const references = await checkReferences(this.#client, manifest, this.#filled);
    await this.#client.query('ROLLBACK');
    return {
      tables: tables.map((table, index) => {
        const stored = manifest.tables[index];
        const fault = table.fault ?? (stored === undefined ? null : (references.faults.get(stored) ?? null));
        return { ...table, fault };
      }),
      notChecked: [...this.#notChecked, ...references.notChecked],
    };
  }

  async #proveTable(stored: ManifestTable): Promise<ProvenTable> {
    const live = this.#structure.live.get(stored) ?? null;
    if (live === null) this.#note(stored, { kind: 'structure', name: null, detail: whyNoLive(stored) });
    const { filled, table } = await this.#fill(stored, live);
    const base = {
      table: printTable(stored),
      rows: filled.rows,
      structure: live === null ? 'manifest' : 'live',
    } as const;
    if (filled.fault !== null) return { ...base, matches: false, fault: filled.fault };
    this.#filled.set(stored, table);
    const { snapshot } = this.#options.manifest;
    const promises = await checkPromises(this.#client, table, { live, sourceVersionNum: snapshot.serverVersionNum });
    this.#notChecked.push(...promises.notChecked);
    return { ...base, matches: true, fault: promises.fault };
  }

  /** With the types of the backup; where these take other values today, or are gone, with PostgreSQL's own instead. */
  async #fill(
    stored: ManifestTable,
    live: LiveTable | null,
  ): Promise<{ readonly filled: Filled; readonly table: ScratchTable }> {
    const gone = new Set(stored.columns.filter(({ type }) => this.#structure.types.get(type)?.known !== true));
    const first = this.#scratchTable(stored, live, gone);
    const filled = await this.#fillAs(first);
    const relaxed = new Set(stored.columns.filter((column) => gone.has(column) || restsOnDatabase(column.type)));
    if (filled.fault === null || !mayBeTheTypes(filled.fault) || relaxed.size === gone.size) {
      if (filled.fault === null) await this.#noteTypes(first, gone);
      return { filled, table: first };
    }
    const second = this.#scratchTable(stored, live, relaxed);
    const again = await this.#fillAs(second);
    if (again.fault !== null) return { filled, table: first };
    await this.#noteTypes(second, relaxed);
    return { filled: again, table: second };
  }

  async #fillAs(table: ScratchTable): Promise<Filled> {
    const { rowsOf } = this.#options;
    const name = printTable(table.stored);
    const before = { apply: { ...this.#done.apply }, verify: { ...this.#done.verify } };
    const onRows: ScratchWork['onRows'] = (phase, batch) => {
      const done = this.#done[phase];
      done.rows += batch.ends.length;
      done.bytes += batch.bytes.length;
      this.#options.onStep?.({ phase, table: name, ...done });
    };
    const filled = await fillTable({ client: this.#client, rowsOf, onRows }, table);
    // What is done again is not counted twice.
    if (filled.fault !== null) Object.assign(this.#done, before);
    return filled;
  }

  #scratchTable(stored: ManifestTable, live: LiveTable | null, relaxed: ReadonlySet<Column>): ScratchTable {
    const index = this.#options.manifest.tables.indexOf(stored);
    return {
      stored,
      place: { schema: this.#schema, name: `t${index}` },
      columns: stored.columns.map((column): ScratchColumn => {
        const { name, type } = column;
        if (!relaxed.has(column)) return { name, type, collation: collationOf(live, name) };
        const order = stored.key.find((part) => part.name === name)?.order;
        return { name, type: relaxedType(this.#structure.types.get(type), order), collation: null };
      }),
    };
  }

  /** Says of which columns the values are not what their type takes today. */
  async #noteTypes(table: ScratchTable, relaxed: ReadonlySet<Column>): Promise<void> {
    const notes: Omit<NotChecked, 'table'>[] = [];
    for (const column of table.stored.columns) {
      if (!relaxed.has(column)) continue;
      const { name, type } = column;
      const isKnown = this.#structure.types.get(type)?.known === true;
      if (isKnown && (await valuesFit(this.#client, table, column))) continue;
      const why = isKnown ? `${type} does not take all of its values today` : `the type ${type} is not in the database`;
      const used = table.columns.find((candidate) => candidate.name === name)?.type ?? 'text';
      notes.push({ kind: 'type', name, detail: `${why}; they were compared as ${used}` });
    }
    for (const note of notes) this.#note(table.stored, note);
    if (notes.length > 0 || relaxed.size === 0) return;
    const names = [...relaxed].map(({ name }) => name).join(', ');
    this.#note(table.stored, {
      kind: 'type',
      name: names,
      detail: 'a type of theirs was changed meanwhile; they were compared as text',
    });
  }

  #note(stored: ManifestTable, note: Omit<NotChecked, 'table'>): void {
    this.#notChecked.push({ table: printTable(stored), ...note });
  }
}

type Column = ManifestTable['columns'][number];

function collationOf(live: LiveTable | null, name: string): string | null {
  return live?.facts.columns.find((column) => column.name === name)?.collation ?? null;
}

/** Labels of an enum may have been renamed while the rows were on their way, so rows that differ are no proof of damage either. */
function mayBeTheTypes({ kind }: ProofFault): boolean {
  return kind === 'values' || kind === 'rows';
}

/** Whether the column's own type would take what the table holds. */
async function valuesFit(client: pg.ClientBase, { place }: ScratchTable, { name, type }: Column): Promise<boolean> {
  return attempt(
    client,
    async () => {
      const value = `(t.${quoteIdentifier(name)})::${type}`;
      await withApplicationPath(client, () =>
        client.query(`SELECT pg_catalog.count(${value}) FROM ${quoteTable(place)} AS t`),
      );
      return true;
    },
    {
      refused: (error) => {
        if (/^(?:22|23|42(?!501)|P0)/.test(sqlStateOf(error) ?? '')) return false;
        throw error;
      },
    },
  );
}
