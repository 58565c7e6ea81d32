import type { ActionResult } from '@cofre/contracts';
import { CircleAlertIcon } from 'lucide-react';
import { Alert, AlertDescription, AlertTitle } from './ui/alert.tsx';

/** What went wrong and what to do, above the form that it is about. */
export function FormError({ result }: { readonly result: ActionResult<unknown> | null }) {
  if (result === null || result.success) return null;
  const { message, hint } = result.error;
  return (
    <Alert variant="danger">
      <CircleAlertIcon aria-hidden="true" />
      <AlertTitle>{message}</AlertTitle>
      {hint === undefined ? null : <AlertDescription>{hint}</AlertDescription>}
    </Alert>
  );
}
