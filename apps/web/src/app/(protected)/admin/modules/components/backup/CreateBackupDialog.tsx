'use client';

import type { BackupEstimateDocument, BackupType, CreateBackupInput, JobDocument } from '@cofre/contracts';
import { useQuery } from '@tanstack/react-query';
import { DatabaseBackupIcon } from 'lucide-react';
import { useTranslations } from 'next-intl';
import { type ComponentProps, useId, useState } from 'react';
import {
  createModuleBackup,
  estimateModuleBackup,
  showModuleBackupSettings,
} from '#app/actions/admin/modules/module-backups.ts';
import { QueryError } from '#components/query-error.tsx';
import { toast } from '#components/toast.ts';
import { Button } from '#components/ui/button.tsx';
import {
  Dialog,
  DialogClose,
  DialogContent,
  DialogDescription,
  DialogFooter,
  DialogHeader,
  DialogTitle,
} from '#components/ui/dialog.tsx';
import { Label } from '#components/ui/label.tsx';
import { RadioGroup, RadioGroupItem } from '#components/ui/radio-group.tsx';
import { Textarea } from '#components/ui/textarea.tsx';
import { useAction } from '#components/use-action.ts';
import { dataOf } from '#lib/action-failure.ts';
import { BackupCostWords } from './BackupCostWords.tsx';
import { type ChosenExpiry, ExpiryChoice, expiryInput } from './ExpiryChoice.tsx';
import type { BackedUp } from './ModuleBackupManager.tsx';

interface CreateBackupDialogProps {
  readonly implementation: BackedUp;
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly onStarted: (job: JobDocument) => void;
}

const TYPES = ['incremental', 'differential', 'full', 'config_only'] as const satisfies readonly BackupType[];
const DESCRIPTION_LENGTH_MAX = 2000;

function isType(value: string): value is BackupType {
  return TYPES.some((it) => it === value);
}

/** What *Back up now* asks. `CreateBackupButton` opens it. */
export function CreateBackupDialog({ implementation, isOpen, onClose, onStarted }: CreateBackupDialogProps) {
  return (
    <Dialog open={isOpen} onOpenChange={(open) => !open && onClose()}>
      <DialogContent className="sm:max-w-xl">
        <CreateForm
          implementation={implementation}
          onStarted={(job) => {
            onClose();
            onStarted(job);
          }}
        />
      </DialogContent>
    </Dialog>
  );
}

/** Made anew whenever the dialog opens, so that nothing of the last time is left. */
function CreateForm({ implementation, onStarted }: Pick<CreateBackupDialogProps, 'implementation' | 'onStarted'>) {
  const t = useTranslations('create');
  const common = useTranslations('common');
  const descriptionId = useId();
  const [type, setType] = useState<BackupType>('incremental');
  const [description, setDescription] = useState('');
  const [expiry, setExpiry] = useState<ChosenExpiry>({ by: 'policy' });
  const { id } = implementation;
  const { costs, policyDays, failure, retry } = useForecast(id);
  const create = useAction(createModuleBackup, {
    onSuccess: (job) => {
      toast.success(t('started'));
      onStarted(job);
    },
  });
  const end = expiryInput(expiry);
  const submit: ComponentProps<'form'>['onSubmit'] = (event) => {
    event.preventDefault();
    if (end === null) return;
    const typed = description.trim();
    const input: CreateBackupInput = { implementation: id, type, ...(typed === '' ? {} : { description: typed }) };
    create.run({ ...input, ...end });
  };
  return (
    <form className="grid gap-5" onSubmit={submit}>
      <DialogHeader>
        <DialogTitle>{t('title')}</DialogTitle>
        <DialogDescription>{t('description')}</DialogDescription>
      </DialogHeader>
      <TypeChoice type={type} costs={costs} onChange={setType} />
      <div className="flex flex-col gap-1.5">
        <Label htmlFor={descriptionId}>{t('note')}</Label>
        <Textarea
          id={descriptionId}
          rows={2}
          maxLength={DESCRIPTION_LENGTH_MAX}
          placeholder={t('notePlaceholder')}
          value={description}
          onChange={({ target }) => setDescription(target.value)}
        />
      </div>
      <ExpiryChoice chosen={expiry} policyDays={policyDays} onChange={setExpiry} />
      {failure === null ? null : <QueryError error={failure} fallback={t('unreadable')} onRetry={retry} />}
      <DialogFooter>
        <DialogClose asChild>
          <Button variant="outline">{common('cancel')}</Button>
        </DialogClose>
        <Button type="submit" disabled={create.isPending || end === null} aria-busy={create.isPending}>
          <DatabaseBackupIcon aria-hidden="true" />
          {t('start')}
        </Button>
      </DialogFooter>
    </form>
  );
}

/** What a backup would cost and how long it would be kept. It can be made where neither can be read. */
function useForecast(implementation: string) {
  const estimate = useQuery({
    queryKey: ['backup-estimate', implementation],
    queryFn: async () => dataOf(await estimateModuleBackup({ implementation })),
  });
  const settings = useQuery({
    queryKey: ['backup-settings', implementation],
    queryFn: async () => dataOf(await showModuleBackupSettings({ implementation })),
  });
  return {
    costs: estimate.isError ? null : estimate.data?.costs,
    policyDays: settings.isError ? ('unreadable' as const) : settings.data?.settings.retentionDays,
    failure: estimate.error ?? settings.error,
    retry: () => void Promise.all([estimate.refetch(), settings.refetch()]),
  };
}

interface TypeChoiceProps {
  readonly type: BackupType;
  /** undefined: on their way; null: they could not be had. */
  readonly costs: BackupEstimateDocument['costs'] | null | undefined;
  readonly onChange: (type: BackupType) => void;
}

function TypeChoice({ type, costs, onChange }: TypeChoiceProps) {
  const t = useTranslations('create');
  const names = useTranslations('backups.types');
  const id = useId();
  return (
    <fieldset>
      <legend className="mb-2 text-sm font-medium">{t('type')}</legend>
      <RadioGroup
        value={type}
        aria-label={t('type')}
        className="gap-2"
        onValueChange={(value) => isType(value) && onChange(value)}
      >
        {TYPES.map((it) => (
          <div
            key={it}
            className="flex items-start gap-3 rounded-lg border p-3 has-data-[state=checked]:border-primary has-data-[state=checked]:bg-accent/50"
          >
            <RadioGroupItem id={`${id}-${it}`} value={it} aria-describedby={`${id}-${it}-words`} />
            <div className="flex min-w-0 flex-col gap-0.5">
              <Label htmlFor={`${id}-${it}`} className="leading-5">
                {names(it)}
              </Label>
              <div id={`${id}-${it}-words`} className="text-sm text-muted-foreground">
                <p>{t(`sentences.${it}`)}</p>
                {costs === null ? null : <BackupCostWords cost={costs?.[it]} />}
              </div>
            </div>
          </div>
        ))}
      </RadioGroup>
    </fieldset>
  );
}
