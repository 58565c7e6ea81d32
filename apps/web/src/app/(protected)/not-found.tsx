import Link from 'next/link';
import { getTranslations } from 'next-intl/server';
import { Button } from '#components/ui/button.tsx';

/** Seen only by who is inside: outsiders are sent to sign in before, wherever they go. */
export default async function NotFoundPage() {
  const t = await getTranslations('notFound');
  return (
    <div className="mx-auto flex max-w-lg flex-col items-start gap-4 py-6">
      <h1 className="text-xl font-semibold">{t('title')}</h1>
      <p className="text-muted-foreground">{t('description')}</p>
      <Button asChild variant="outline">
        <Link href="/admin/modules">{t('back')}</Link>
      </Button>
    </div>
  );
}
