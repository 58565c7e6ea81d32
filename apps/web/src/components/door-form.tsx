'use client';

import type { ActionResult } from '@cofre/contracts';
import { type ComponentProps, type ReactNode, useActionState } from 'react';
import { FormError } from './form-error.tsx';
import { Button } from './ui/button.tsx';
import { Input } from './ui/input.tsx';
import { Label } from './ui/label.tsx';

type State = ActionResult<null> | null;

interface DoorFormProps {
  readonly action: (before: State, form: FormData) => Promise<State>;
  /** Of the button: at rest, and while an answer is waited for. */
  readonly words: { readonly submit: string; readonly busy: string };
  readonly children: ReactNode;
}

/** What is asked before one is inside: what went wrong the last time, the fields, and the button. */
export function DoorForm({ action, words, children }: DoorFormProps) {
  const [state, submit, isPending] = useActionState(action, null);
  return (
    <form action={submit} className="flex flex-col gap-4">
      <FormError result={state} />
      {children}
      <Button type="submit" disabled={isPending} aria-busy={isPending}>
        {isPending ? words.busy : words.submit}
      </Button>
    </form>
  );
}

interface DoorFieldProps extends Omit<ComponentProps<typeof Input>, 'id' | 'name' | 'required'> {
  readonly name: string;
  readonly label: string;
  /** What has to be known before it is filled in. */
  readonly rule?: string;
}

/** Nothing here may be left empty. */
export function DoorField({ name, label, rule, ...input }: DoorFieldProps) {
  const described = rule === undefined ? {} : { 'aria-describedby': `${name}-rule` };
  return (
    <div className="flex flex-col gap-2">
      <Label htmlFor={name}>{label}</Label>
      <Input id={name} name={name} required {...described} {...input} />
      {rule === undefined ? null : (
        <p id={`${name}-rule`} className="text-sm text-muted-foreground">
          {rule}
        </p>
      )}
    </div>
  );
}
