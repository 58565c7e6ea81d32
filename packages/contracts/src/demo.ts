import { z } from 'zod';
import { implementationRef } from './documents.ts';

/** Whether what there is to look at is the demo's alone. */
export const demoStateDocument = z.strictObject({
  /** What the demo's accident would hit; null: this is no demo, or not only. */
  damageable: implementationRef.nullable(),
});
export type DemoStateDocument = z.infer<typeof demoStateDocument>;

/** What the demo's accident did. All zero: it had happened already, and nobody has put it right. */
export const demoDamageDocument = z.strictObject({
  implementation: implementationRef,
  /** Prices a hundred times too high. */
  pricesChanged: z.int(),
  productsDeleted: z.int(),
  /** Stock levels and movements that went with the deleted products. */
  childrenDeleted: z.int(),
  /** Tenants whose settings were overwritten. */
  settingsBroken: z.int(),
});
export type DemoDamageDocument = z.infer<typeof demoDamageDocument>;
