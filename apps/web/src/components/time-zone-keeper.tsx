'use client';

import { useRouter } from 'next/navigation';
import { useTimeZone } from 'next-intl';
import { useEffect } from 'react';
import { choosePreference } from '#app/actions/preferences.ts';

/** Tells the server once which time zone the browser is in, so that it writes dates as the reader's clock shows them. */
export function TimeZoneKeeper() {
  const known = useTimeZone();
  const router = useRouter();
  useEffect(() => {
    const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
    if (timeZone === known) return;
    void choosePreference({ timeZone }).then(() => router.refresh());
  }, [known, router]);
  return null;
}
