import type { PostgresPool, PostgresPoolClient } from 'kysely';
import { type Catalogue, overPool, poolOf } from '../../packages/services/src/catalogue/open-catalogue.ts';

/** A node of a plan as `EXPLAIN (FORMAT JSON)` prints it. */
export interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
  readonly Plans?: readonly PlanNode[];
}

export interface Explained {
  readonly sql: string;
  readonly plan: PlanNode;
}

/** The node and everything below it. */
export const nodesOf = (node: PlanNode): readonly PlanNode[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)];

/** Pages that the statements touched, in memory or on disk: what they cost, whatever else the machine does. */
export const blocksOf = (explained: readonly Explained[]): number =>
  explained.reduce((sum, { plan }) => sum + plan['Shared Hit Blocks'] + plan['Shared Read Blocks'], 0);

/**
 * The same catalogue; every query that it is given is explained, too, in the same transaction and with the same rights,
 * and written down.
 */
export function explainCatalogue(catalogue: Catalogue): {
  readonly catalogue: Catalogue;
  readonly explained: Explained[];
} {
  const pool = poolOf(catalogue);
  const explained: Explained[] = [];
  const explaining: PostgresPool = {
    options: pool.options,
    connect: async () => explainingClient(await pool.connect(), explained),
    end: () => Promise.resolve(),
  };
  return { catalogue: overPool(explaining), explained };
}

type Query = (
  sql: string,
  parameters: readonly unknown[],
) => Promise<{ rows: { 'QUERY PLAN': { Plan: PlanNode }[] }[] }>;

function explainingClient(client: PostgresPoolClient, explained: Explained[]): PostgresPoolClient {
  const send = client.query as unknown as Query; // kysely calls it in this way alone
  const query: Query = async (sql, parameters) => {
    if (/^\s*(select|with)\b/i.test(sql) && !sql.includes('set_config')) {
      const { rows } = await send(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${sql}`, parameters);
      for (const { 'QUERY PLAN': plans } of rows) explained.push(...plans.map((top) => ({ sql, plan: top.Plan })));
    }
    return send(sql, parameters);
  };
  return {
    query: query as unknown as PostgresPoolClient['query'], // as above
    release: (destroy) => client.release(destroy),
  };
}
