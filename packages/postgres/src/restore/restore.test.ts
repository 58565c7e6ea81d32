import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  AWKWARD_DAMAGE,
  AWKWARD_DEFINITION,
  AWKWARD_ROWS,
  AWKWARD_SCHEMA,
  outsideChecksums,
  sliceChecksums,
} from '../../../../tests/support/awkward-shop.ts';
import { createTestDatabase, type TestDatabase, testServers } from '../../../../tests/support/database.ts';
import { type RestoreScenario, restoreScenario } from '../../../../tests/support/restore-scenario.ts';

describe.each(testServers())('restoring an awkward slice on PostgreSQL $name', (server) => {
  let db: TestDatabase;
  let scenario: RestoreScenario;
  const query = (sql: string) => db.query(sql);
  beforeEach(async () => {
    db = await createTestDatabase(server);
    await db.query(AWKWARD_SCHEMA);
    await db.query(AWKWARD_ROWS);
    scenario = await restoreScenario({ database: db.database, definition: AWKWARD_DEFINITION, rootKey: { id: 1 } });
  });
  afterEach(() => db.drop());

  it('puts back exactly the slice and nothing else, and undo takes exactly that back (I7, I8)', async () => {
    const before = await sliceChecksums(query);
    const manifest = await scenario.backUp();
    await db.query(AWKWARD_DAMAGE);
    const damaged = await sliceChecksums(query);
    const outside = await outsideChecksums(query);
    expect(Object.keys(before).filter((table) => before[table] === damaged[table])).toEqual([]);

    const plan = await scenario.plan(manifest);
    expect(plan.tables.flatMap(({ name, conflicts }) => conflicts.map((conflict) => ({ name, ...conflict })))).toEqual(
      [],
    );
    await scenario.apply(plan, manifest);
    expect(await sliceChecksums(query)).toEqual(before);
    expect(await outsideChecksums(query)).toEqual(outside);

    const undo = await scenario.undo(plan, manifest);
    expect(undo.tables.flatMap(({ name, conflicts }) => conflicts.map((conflict) => ({ name, ...conflict })))).toEqual(
      [],
    );
    await scenario.apply(undo, manifest);
    expect(await sliceChecksums(query)).toEqual(damaged);
    expect(await outsideChecksums(query)).toEqual(outside);
  });
});
