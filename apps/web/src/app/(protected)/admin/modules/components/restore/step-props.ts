import type { BackupDocument } from '@cofre/contracts';
import type { RefCallback } from 'react';
import type { RestoreWay } from './use-restore-way.ts';

/** What each step of a restore is given. */
export interface StepProps {
  readonly backup: BackupDocument;
  /** Of the implementation, as people call it. */
  readonly name: string;
  readonly way: RestoreWay;
  readonly heading: RefCallback<HTMLHeadingElement>;
}
