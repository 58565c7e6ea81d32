import type { Manifest, RestorePlan } from '@cofre/engine';
import type { RawBuilder } from 'kysely';
import type pg from 'pg';
import {
  bringBackAssignments,
  bringBackImplementation,
  hasOwnAssignments,
  removeAssignments,
  removeImplementation,
  requireUnassigned,
  type RestoredPlatform,
  restoredPlatform,
  type RunQuery,
} from '../modules/platform-rows.ts';
import type { ServiceContext } from '../service-context.ts';

/**
 * What a restore does in its transaction to what Cofre keeps of an implementation itself: rows of the platform that are in
 * no slice come back with it, and an undo takes them away; backups let go of an implementation that an undo deletes.
 */
export class PlatformPart {
  readonly #context: ServiceContext;
  readonly #plan: RestorePlan;
  readonly #manifest: Manifest;
  /** Of the attempt that is under way. */
  #implementation = false;
  #undone: RestoredPlatform | null = null;

  constructor(context: ServiceContext, of: { readonly plan: RestorePlan; readonly manifest: Manifest }) {
    this.#context = context;
    this.#plan = of.plan;
    this.#manifest = of.manifest;
  }

  async before(client: pg.ClientBase): Promise<void> {
    const run = this.#runOn(client);
    const { implementation: ref } = this.#manifest;
    const { purpose } = this.#plan;
    if (purpose.kind === 'restore') {
      const platform = this.#platform;
      this.#implementation = platform !== undefined && (await bringBackImplementation(run, { platform, ref }));
      return;
    }
    this.#undone = await this.#restoredBy(purpose.undoOf);
    if (this.#undone !== null) await removeAssignments(run, this.#undone.assignments);
    if (!this.#deletesImplementation) return;
    if (await hasOwnAssignments(run)) await requireUnassigned(run, ref);
    const { sql, parameters } = this.#context.catalogue
      .updateTable('public.module_backups')
      .set({ implementation_id: null })
      .where('implementation_id', '=', ref.id)
      .compile();
    await client.query(sql, [...parameters]);
  }

  /** Gives what was put back, for the evidence. */
  async after(client: pg.ClientBase): Promise<{ readonly platform?: RestoredPlatform }> {
    const run = this.#runOn(client);
    if (this.#plan.purpose.kind === 'undo') {
      if (this.#undone?.implementation === true) await removeImplementation(run, this.#manifest.implementation);
      return {};
    }
    const platform = this.#platform;
    if (platform === undefined) return {};
    const assignments = await bringBackAssignments(run, platform);
    return { platform: { implementation: this.#implementation, assignments: [...assignments] } };
  }

  /** Whoever chose some tables did not choose these. */
  get #platform() {
    return this.#plan.selection.tables === null ? this.#manifest.platform : undefined;
  }

  get #deletesImplementation(): boolean {
    return this.#plan.tables.some(
      ({ schema, name, deletes }) => schema === 'public' && name === 'module_implementations' && deletes > 0,
    );
  }

  async #restoredBy(restore: string): Promise<RestoredPlatform | null> {
    const row = await this.#context.catalogue
      .selectFrom('cofre.restores')
      .select('evidence')
      .where('id', '=', restore)
      .executeTakeFirst();
    return restoredPlatform.safeParse(row?.evidence?.['platform']).data ?? null;
  }

  #runOn(client: pg.ClientBase): RunQuery {
    return async <Row>(query: RawBuilder<Row>) => {
      const { sql, parameters } = query.compile(this.#context.catalogue);
      const { rows } = await client.query<Row & pg.QueryResultRow>(sql, [...parameters]);
      return rows;
    };
  }
}
