'use client';

import { IntlProvider } from 'next-intl';
import { type ComponentProps, type ReactNode, useState, useSyncExternalStore } from 'react';
import { NonceProvider } from '#components/nonce.tsx';
import { Toasts } from '#components/toasts.tsx';
import type { CofreLocale, CofreTheme } from '../looks.ts';
import { Pages } from './pages.ts';
import { answerBy, type CofreAction } from './remote-action.ts';
import { Scope } from './scope.ts';

/** A file of the locale, as it is. */
type Messages = NonNullable<ComponentProps<typeof IntlProvider>['messages']>;

interface BrowserProviderProps {
  readonly action: CofreAction;
  readonly locale: CofreLocale;
  readonly messages: Messages;
  /** Of server and browser, so that what both write is the same. */
  readonly now: Date;
  readonly timeZone: string | undefined;
  readonly pages: string;
  readonly theme: CofreTheme;
  readonly nonce: string | undefined;
  readonly children: ReactNode;
}

/** The half of `CofreProvider` that runs in browsers. */
export function BrowserProvider(props: BrowserProviderProps): ReactNode {
  const { action, locale, messages, now, timeZone, pages, theme, nonce, children } = props;
  // Before any child asks for something. On the server nothing is asked for, and a module there is everybody's.
  if (typeof document !== 'undefined') answerBy({ action, locale });
  const zone = useSyncExternalStore(never, browserZone, () => 'UTC');
  const [scope, setScope] = useState<HTMLElement | null>(null);
  const look = theme === 'system' ? 'cofre' : `cofre ${theme}`;
  return (
    <IntlProvider locale={locale} messages={messages} now={now} timeZone={timeZone ?? zone}>
      <NonceProvider nonce={nonce}>
        <Pages value={pages}>
          <Scope value={scope}>
            <div className={look}>{children}</div>
            <div className={look} ref={setScope}>
              <Toasts theme={theme} />
            </div>
          </Scope>
        </Pages>
      </NonceProvider>
    </IntlProvider>
  );
}

/** A browser keeps its time zone. */
function never(): () => void {
  return () => undefined;
}

function browserZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}
