'use client';

import { PageFailure, type PageFailureProps } from '#components/page-failure.tsx';

/** Where not even the frame around a page could be made, because nobody knows who looks: the database is away. */
export default function ErrorPage(props: PageFailureProps) {
  return (
    <main className="mx-auto w-full max-w-2xl px-4 py-10">
      <PageFailure {...props} />
    </main>
  );
}
