'use client';

import { ChevronRightIcon } from 'lucide-react';
import { useFormatter, useTimeZone, useTranslations } from 'next-intl';
import { type RefCallback, useId, useState } from 'react';
import { Button } from '#components/ui/button.tsx';
import { Input } from '#components/ui/input.tsx';
import { Label } from '#components/ui/label.tsx';
import { browserNow } from '#lib/browser-now.ts';

const HOUR_MS = 60 * 60 * 1000;

interface WhenQuestionProps {
  readonly heading: RefCallback<HTMLHeadingElement>;
  readonly onAnswer: (at: string) => void;
}

const PRESETS = ['now', 'hour', 'today', 'yesterday'] as const;

/** The moment that a preset stands for: whatever happened came after it. */
function presetTime(preset: (typeof PRESETS)[number]): Date {
  const now = browserNow();
  switch (preset) {
    case 'now':
      return now;
    case 'hour':
      return new Date(now.getTime() - HOUR_MS);
    case 'today':
      return new Date(now.getFullYear(), now.getMonth(), now.getDate());
    case 'yesterday':
      return new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
  }
}

/** When did it happen? A click is an answer; who knows better gives date and time. */
export function WhenQuestion({ heading, onAnswer }: WhenQuestionProps) {
  const t = useTranslations('restore.wrong');
  const format = useFormatter();
  const zone = useTimeZone() ?? 'UTC';
  const moment = (preset: (typeof PRESETS)[number]) =>
    format.dateTime(presetTime(preset), { weekday: 'short', hour: '2-digit', minute: '2-digit' });
  const hints = {
    now: t('nowHint'),
    hour: t('hourHint', { when: moment('hour') }),
    today: t('todayHint'),
    yesterday: t('yesterdayHint', { when: moment('yesterday') }),
  };
  return (
    <section className="flex flex-col gap-4" aria-labelledby="when">
      <div className="flex flex-col gap-1">
        <h2 id="when" ref={heading} tabIndex={-1} className="text-xl font-semibold tracking-tight outline-none">
          {t('when')}
        </h2>
        <p className="text-muted-foreground">{t('whenHint', { zone })}</p>
      </div>
      <ul className="grid gap-3 sm:grid-cols-2">
        {PRESETS.map((preset) => (
          <li key={preset}>
            <button
              type="button"
              className="flex w-full cursor-pointer items-center justify-between gap-3 rounded-xl border bg-card p-4 text-left shadow-xs hover:border-input hover:bg-accent/50"
              onClick={() => onAnswer(presetTime(preset).toISOString())}
            >
              <span>
                <span className="block font-medium">{t(preset)}</span>
                <span className="block text-sm text-muted-foreground" suppressHydrationWarning>
                  {hints[preset]}
                </span>
              </span>
              <ChevronRightIcon className="size-5 shrink-0 text-muted-foreground" aria-hidden="true" />
            </button>
          </li>
        ))}
      </ul>
      <ExactTime onAnswer={onAnswer} />
    </section>
  );
}

function ExactTime({ onAnswer }: Pick<WhenQuestionProps, 'onAnswer'>) {
  const t = useTranslations('restore.wrong');
  const id = useId();
  const [typed, setTyped] = useState('');
  const [isBad, setBad] = useState(false);
  const answer = () => {
    const time = new Date(typed);
    if (Number.isNaN(time.getTime()) || time > browserNow()) setBad(true);
    else onAnswer(time.toISOString());
  };
  return (
    <form
      className="flex flex-col gap-2 rounded-xl border bg-card p-4 shadow-xs"
      onSubmit={(event) => {
        event.preventDefault();
        answer();
      }}
      noValidate
    >
      <Label htmlFor={id}>{t('exact')}</Label>
      <div className="flex flex-wrap gap-2">
        <Input
          id={id}
          type="datetime-local"
          className="w-auto min-w-56"
          value={typed}
          aria-invalid={isBad}
          aria-describedby={isBad ? `${id}-bad` : undefined}
          onChange={({ target }) => {
            setTyped(target.value);
            setBad(false);
          }}
        />
        <Button type="submit" variant="outline">
          {t('find')}
        </Button>
      </div>
      {isBad ? (
        <p id={`${id}-bad`} role="alert" className="text-sm text-destructive">
          {t('badTime')}
        </p>
      ) : null}
    </form>
  );
}
