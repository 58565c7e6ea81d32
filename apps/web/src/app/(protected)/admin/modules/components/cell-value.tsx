import { EyeOffIcon } from 'lucide-react';
import { useTranslations } from 'next-intl';
import { cn } from '#lib/cn.ts';

interface CellValueProps {
  /** As PostgreSQL's text; null: NULL. What is secret came masked from the server. */
  readonly value: string | null;
  readonly isSecret: boolean;
  /** JSON is laid out, and nothing is cut. */
  readonly isWhole?: boolean;
}

/** A value of a row, so that nothing, an empty text and a hidden value look and sound different. */
export function CellValue({ value, isSecret, isWhole = false }: CellValueProps) {
  const t = useTranslations('rows');
  if (value === null) return <span className="text-muted-foreground italic">{t('null')}</span>;
  if (isSecret) {
    return (
      <span className="inline-flex items-center gap-1.5 text-muted-foreground">
        <EyeOffIcon className="size-3.5" aria-hidden="true" />
        {t('hidden')}
      </span>
    );
  }
  if (value === '') return <span className="text-muted-foreground italic">{t('empty')}</span>;
  const laidOut = isWhole ? laidOutJson(value) : null;
  if (laidOut !== null)
    return <pre className="font-mono text-xs leading-5 break-words whitespace-pre-wrap">{laidOut}</pre>;
  return (
    <span className={cn(!isWhole && 'block max-w-72 truncate')} title={isWhole ? undefined : value}>
      {value}
    </span>
  );
}

const INDENT = 2;

/** null: it is no JSON object or list. Numbers that JavaScript would round are left as they were written. */
function laidOutJson(text: string): string | null {
  if (!/^[[{]/.test(text)) return null;
  try {
    const value: unknown = JSON.parse(text);
    if (withoutSpace(JSON.stringify(value)).length !== withoutSpace(text).length) return text;
    return JSON.stringify(value, null, INDENT);
  } catch {
    return null;
  }
}

function withoutSpace(text: string): string {
  return text.replaceAll(/\s/g, '');
}
