import { showRecoveryState } from '@cofre/services';
import type { ReactNode } from 'react';
import { AppHeader } from '#components/app-header.tsx';
import { RecoveryBanner } from '#components/recovery-banner.tsx';
import { readTheme } from '#server/preferences.ts';
import { requireViewer } from '#server/viewer.ts';

/** What is around every page inside. Layouts are kept while one walks from page to page, so each page asks again. */
export default async function ProtectedLayout({ children }: { readonly children: ReactNode }) {
  const { actor, isAdministrator, service } = await requireViewer();
  const [theme, recovery] = await Promise.all([readTheme(), isAdministrator ? showRecoveryState(service) : null]);
  return (
    <div className="flex min-h-dvh flex-col">
      <AppHeader name={actor.name} isAdministrator={isAdministrator} theme={theme} />
      <main id="content" className="mx-auto w-full max-w-7xl flex-1 px-4 py-6 sm:px-6">
        {recovery?.due === true ? <RecoveryBanner keyKind={recovery.keyKind} /> : null}
        {children}
      </main>
    </div>
  );
}
