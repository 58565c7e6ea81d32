import { notFound } from 'next/navigation';
import { requireViewer } from '#server/viewer.ts';

/** Every address that leads nowhere, so that outsiders are sent to sign in there as anywhere else. */
export default async function NowherePage(): Promise<never> {
  await requireViewer();
  notFound();
}
