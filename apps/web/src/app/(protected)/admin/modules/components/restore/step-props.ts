import type { BackupDocument } from '@cofre/contracts';
import type { RefCallback } from 'react';
import type { RestoreWay } from './use-restore-way.ts';

/** What of a backup the browser is sent: errors and figures stay on the server. */
export type RestoredBackup = Pick<
  BackupDocument,
  'id' | 'implementation' | 'type' | 'createdAt' | 'description' | 'verifiedAt'
>;

/** What each step of a restore is given. */
export interface StepProps {
  readonly backup: RestoredBackup;
  /** Of the implementation, as people call it. */
  readonly name: string;
  readonly way: RestoreWay;
  readonly heading: RefCallback<HTMLHeadingElement>;
}
