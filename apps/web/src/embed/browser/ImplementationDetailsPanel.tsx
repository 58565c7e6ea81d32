'use client';

import type { ImplementationDetailDocument } from '@cofre/contracts';
import { type ReactNode, Suspense } from 'react';
import { ImplementationDetails } from '#app/(protected)/admin/modules/components/assignments/implementations-manager/ImplementationDetails.tsx';
import { ImplementationDetailsPanel as Panel } from '#app/(protected)/admin/modules/components/assignments/implementations-manager/ImplementationDetailsPanel.tsx';

export interface ImplementationDetailsPanelProps {
  /** What `showImplementation` gives. */
  readonly implementation: ImplementationDetailDocument;
  readonly isAdministrator: boolean;
  /** Shown below the details. */
  readonly children?: ReactNode;
}

/** The tabs Details | Backups. Which is open stands in the address, as `?tab=backups`. */
export function ImplementationDetailsPanel(props: ImplementationDetailsPanelProps): ReactNode {
  const { implementation, isAdministrator, children } = props;
  return (
    <Suspense>
      <Panel
        implementation={implementation}
        isAdministrator={isAdministrator}
        details={<ImplementationDetails implementation={implementation}>{children}</ImplementationDetails>}
      />
    </Suspense>
  );
}
