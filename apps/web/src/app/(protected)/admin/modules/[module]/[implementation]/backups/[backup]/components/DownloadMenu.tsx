'use client';

import type { BackupDocument, ExportBackupInput } from '@cofre/contracts';
import { BracesIcon, DatabaseIcon, DownloadIcon, Table2Icon } from 'lucide-react';
import { useTranslations } from 'next-intl';
import { LazyMenu } from '#components/lazy-menu.tsx';
import { downloadPath } from '#lib/paths.ts';

const FORMATS = [
  ['sql', DatabaseIcon],
  ['csv', Table2Icon],
  ['jsonl', BracesIcon],
] as const satisfies readonly (readonly [ExportBackupInput['format'], typeof DatabaseIcon])[];

/** A backup as plain files. The browser saves them itself: they may be larger than a page can hold. */
export function DownloadMenu({ backup }: { readonly backup: BackupDocument }) {
  const t = useTranslations('backup.download');
  const face = (
    <>
      <DownloadIcon aria-hidden="true" />
      {t('title')}
    </>
  );
  return (
    <LazyMenu variant="outline" face={face}>
      {({ DropdownMenuItem, DropdownMenuLabel }) => (
        <>
          {FORMATS.map(([format, Icon]) => (
            <DropdownMenuItem key={format} asChild>
              {/* Not a page: what is linked to so is neither prefetched nor opened in place of this one. */}
              <a href={downloadPath(backup, format)}>
                <Icon aria-hidden="true" />
                <span className="max-w-60">
                  <span className="block">{t(`formats.${format}`)}</span>
                  <span className="block text-xs text-muted-foreground">{t(`hints.${format}`)}</span>
                </span>
              </a>
            </DropdownMenuItem>
          ))}
          <DropdownMenuLabel className="max-w-68 font-normal">{t('secrets')}</DropdownMenuLabel>
        </>
      )}
    </LazyMenu>
  );
}
