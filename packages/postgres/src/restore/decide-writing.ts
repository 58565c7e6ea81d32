import type { RestorePlan } from '@cofre/engine';
import type { ForeignKeyFacts, TableFacts } from '../introspect/table-facts.ts';
import { printTable, quoteIdentifier } from '../session/quote.ts';
import { isPlainForeignKey } from './relations.ts';
import type { Conflict } from './restore-table.ts';

/** What is to be written to a table, as far as it decides how. */
export interface TableToWrite {
  /** Place in the plan. */
  readonly index: number;
  readonly facts: TableFacts;
  readonly inserts: number;
  readonly updates: number;
  readonly deletes: number;
  /** Reasons why foreign keys of this table must not be enforced row by row, in words; there are none most of the time. */
  readonly needsReplica: readonly string[];
}

/** How the tables are written (design §6). */
export interface Writing {
  /** Places in the plan: parents before children. Deletes go the other way round. */
  readonly order: readonly number[];
  /** Tables that are written with session_replication_role = replica: their triggers do not fire, foreign keys are ours to hold. */
  readonly replica: ReadonlySet<number>;
  /** Columns that are inserted as NULL and set afterwards, to break a circle of foreign keys. */
  readonly nulled: ReadonlyMap<number, readonly string[]>;
  readonly conflicts: ReadonlyMap<number, readonly Conflict[]>;
  readonly triggers: RestorePlan['triggers'];
}

type WriteEvent = 'insert' | 'update' | 'delete';

/** Decides by the facts alone, so that the plan and the apply of it come to the same. */
export function decideWriting(tables: readonly TableToWrite[], canReplica: boolean): Writing {
  const decision = new Decision(canReplica);
  const written = tables.filter((table) => table.inserts + table.updates + table.deletes > 0);
  const edges = decision.breakCircles(written);
  for (const table of written) decision.bypassTriggers(table);
  return { ...decision.result(), order: inOrder(written, edges) };
}

/** A foreign key between two tables that are both inserted to, or both deleted from. */
interface Edge {
  readonly child: TableToWrite;
  readonly parent: TableToWrite;
  readonly key: ForeignKeyFacts;
}

class Decision {
  readonly #canReplica: boolean;
  readonly #replica = new Set<number>();
  readonly #nulled = new Map<number, string[]>();
  readonly #conflicts = new Map<number, Conflict[]>();
  readonly #triggers: RestorePlan['triggers'][number][] = [];

  constructor(canReplica: boolean) {
    this.#canReplica = canReplica;
  }

  result(): Omit<Writing, 'order'> {
    return { replica: this.#replica, nulled: this.#nulled, conflicts: this.#conflicts, triggers: this.#triggers };
  }

  /** Gives the foreign keys that decide the order, of which none go round in a circle. */
  breakCircles(written: readonly TableToWrite[]): Edge[] {
    // Constraints are deferred throughout, so what can be deferred needs no order.
    let edges = edgesBetween(written).filter((edge) => !isDeferred(edge));
    for (;;) {
      const circle = findCircle(written, edges);
      if (circle.length === 0) return edges;
      const within = edges.filter((edge) => circle.includes(edge.child) && circle.includes(edge.parent));
      const broken = this.#breakCircle(circle, within);
      edges = edges.filter((edge) => !broken.includes(edge));
    }
  }

  #breakCircle(circle: readonly TableToWrite[], within: readonly Edge[]): readonly Edge[] {
    if (this.#canReplica && circle.every((table) => replicaFault(table) === null)) {
      for (const table of circle) this.#replica.add(table.index);
      return within;
    }
    const edge = within.find(({ child, key }) => nullableColumns(child.facts, key).length > 0);
    if (edge === undefined) {
      const names = circle.map((table) => printTable(table.facts)).join(', ');
      const detail = `the foreign keys of ${names} go round in a circle that this role cannot break`;
      for (const table of circle) this.#refuse(table, { kind: 'unsupported', count: 1, detail });
      return within;
    }
    const nulled = this.#nulled.get(edge.child.index) ?? [];
    this.#nulled.set(edge.child.index, [...nulled, ...nullableColumns(edge.child.facts, edge.key)]);
    return [edge];
  }

  /** Rules are bypassed by the same means: an UPDATE or DELETE would be rewritten by them, a COPY is not. */
  bypassTriggers(table: TableToWrite): void {
    const events = this.#eventsOf(table);
    const firing = table.facts.triggers.filter((trigger) => trigger.events.some((event) => events.has(event)));
    const rewriting = table.facts.rules.filter(({ event }) => event !== 'insert' && events.has(event));
    const all = [
      ...firing.map(({ name, enabled }) => ({ what: `trigger ${quoteIdentifier(name)}`, enabled })),
      ...rewriting.map(({ name, enabled }) => ({ what: `rule ${quoteIdentifier(name)}`, enabled })),
    ];
    const bypassable = all.filter(({ enabled }) => enabled === 'origin').map(({ what }) => what);
    const reasons = [...bypassable, ...table.needsReplica];
    if (reasons.length > 0) this.#replicate(table, reasons, bypassable.length > 0 ? 'triggers' : 'unsupported');
    const isReplica = this.#replica.has(table.index);
    const fires = (enabled: string) => enabled === 'always' || (enabled === 'replica' && isReplica);
    const unavoidable = all.filter(({ enabled }) => fires(enabled)).map(({ what }) => what);
    if (unavoidable.length > 0) {
      const detail = `${unavoidable.join(', ')} would fire in every mode`;
      this.#refuse(table, { kind: 'triggers', count: unavoidable.length, detail });
    }
    for (const { name, enabled } of table.facts.triggers)
      this.#triggers.push({
        table: printTable(table.facts),
        trigger: name,
        fires: firing.some((trigger) => trigger.name === name) && fires(enabled),
      });
  }

  #replicate(table: TableToWrite, reasons: readonly string[], kind: 'triggers' | 'unsupported'): void {
    const fault = this.#canReplica ? replicaFault(table) : 'this role may not set session_replication_role';
    if (fault === null) this.#replica.add(table.index);
    else this.#refuse(table, { kind, count: reasons.length, detail: `${reasons.join(', ')}: ${fault}` });
  }

  #eventsOf(table: TableToWrite): Set<WriteEvent | 'select' | 'truncate'> {
    const events = new Set<WriteEvent>();
    if (table.inserts > 0) events.add('insert');
    if (table.updates > 0 || this.#nulled.has(table.index)) events.add('update');
    if (table.deletes > 0) events.add('delete');
    return events;
  }

  #refuse(table: TableToWrite, conflict: Conflict): void {
    this.#conflicts.set(table.index, [...(this.#conflicts.get(table.index) ?? []), conflict]);
  }
}

/** Constraints that replica mode would not enforce, for they are triggers at heart. */
function replicaFault({ facts }: TableToWrite): string | null {
  const period = [...facts.foreignKeys, ...facts.referencedBy].find((key) => !isPlainForeignKey(key));
  if (period !== undefined)
    return `they cannot be bypassed, for ${quoteIdentifier(period.name)} asks whether periods are covered`;
  const deferrable = facts.uniques.find((unique) => unique.deferrable);
  if (deferrable === undefined) return null;
  return `they cannot be bypassed, for ${quoteIdentifier(deferrable.name)} is deferrable and would not be enforced`;
}

function edgesBetween(written: readonly TableToWrite[]): Edge[] {
  return written.flatMap((child) =>
    child.facts.foreignKeys.flatMap((key) => {
      const parent = written.find(({ facts }) => isOrHolds(facts, key.to.oid));
      if (parent === undefined || parent === child) return [];
      const meets = (child.inserts > 0 && parent.inserts > 0) || (child.deletes > 0 && parent.deletes > 0);
      return meets ? [{ child, parent, key }] : [];
    }),
  );
}

function isOrHolds(facts: TableFacts, oid: number): boolean {
  return facts.oid === oid || (facts.kind === 'partitioned' && facts.children.some((leaf) => leaf.oid === oid));
}

function isDeferred({ key, parent }: Edge): boolean {
  return key.deferrable && (parent.deletes === 0 || key.onDelete === 'no-action');
}

function nullableColumns(facts: TableFacts, key: ForeignKeyFacts): string[] {
  const isNullable = (name: string) =>
    facts.columns.some((column) => column.name === name && !column.notNull && column.generated === null);
  const nullable = key.from.columns.filter(isNullable);
  // With MATCH FULL either all columns are NULL or none.
  if (key.match === 'full') return nullable.length === key.from.columns.length ? nullable : [];
  return nullable.slice(0, 1);
}

/** The tables of one circle; empty: there is none. What does not lie on a circle is worn away from both ends. */
function findCircle(tables: readonly TableToWrite[], edges: readonly Edge[]): TableToWrite[] {
  let left = [...tables];
  for (;;) {
    const within = edges.filter((edge) => left.includes(edge.child) && left.includes(edge.parent));
    const kept = left.filter(
      (table) => within.some(({ child }) => child === table) && within.some(({ parent }) => parent === table),
    );
    if (kept.length === left.length) return smallestCircle(kept, within);
    left = kept;
  }
}

/** Of tables that lie on circles or between them, those that can reach the first and be reached from it. */
function smallestCircle(tables: readonly TableToWrite[], edges: readonly Edge[]): TableToWrite[] {
  for (const first of tables) {
    const down = reach(first, (table) => edges.filter(({ parent }) => parent === table).map(({ child }) => child));
    const up = reach(first, (table) => edges.filter(({ child }) => child === table).map(({ parent }) => parent));
    const circle = tables.filter((table) => down.has(table) && up.has(table));
    if (circle.length > 1) return circle;
  }
  return [];
}

function reach(first: TableToWrite, next: (table: TableToWrite) => readonly TableToWrite[]): Set<TableToWrite> {
  const reached = new Set(next(first));
  for (const table of reached) for (const further of next(table)) reached.add(further);
  return reached;
}

function inOrder(tables: readonly TableToWrite[], edges: readonly Edge[]): number[] {
  const order: TableToWrite[] = [];
  const left = new Set(tables);
  while (left.size > 0) {
    const ready = [...left].filter((table) => !edges.some((edge) => edge.child === table && left.has(edge.parent)));
    // Circles were broken or refused, so something is always ready.
    for (const table of ready.length > 0 ? ready : [...left]) {
      order.push(table);
      left.delete(table);
    }
  }
  return order.map((table) => table.index);
}
