import { httpStatusOf } from '@cofre/contracts';
import { authorize, toCofreError } from '@cofre/services';
import { z } from 'zod';
import { compose } from '#server/compose.ts';
import { jobEvents } from '#server/job-events.ts';
import { getViewer, mayEnter } from '#server/viewer.ts';
import { errorWording } from '#server/worded.ts';

export const dynamic = 'force-dynamic';

const query = z.union([
  z.strictObject({ implementation: z.uuid().optional() }),
  // One alone: an implementation that was deleted has jobs, too.
  z.strictObject({ job: z.uuid() }),
]);

/** How far jobs are, sent as it changes. Ends when the session does. */
export async function GET(request: Request): Promise<Response> {
  const [{ service: base, sessions }, viewer] = await Promise.all([compose(), getViewer()]);
  const service = { ...base, actor: viewer.actor };
  try {
    await authorize(service, 'listJobs');
  } catch (error) {
    return new Response(null, { status: httpStatusOf(toCofreError(error).code) });
  }
  if (!mayEnter(viewer)) return new Response(null, { status: 403 });
  const asked = query.safeParse(Object.fromEntries(new URL(request.url).searchParams));
  if (!asked.success) return new Response(null, { status: 400 });
  const stream = jobEvents({
    service,
    asked: asked.data,
    wording: await errorWording(),
    // Rights are asked of the database with every job that is read; this is about having signed out.
    mayGoOn: async () => {
      const signedIn = await sessions.read();
      return signedIn !== null && !signedIn.mustChangePassword;
    },
    signal: request.signal,
  });
  return new Response(stream, {
    headers: {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
      // Nginx would gather what is to be seen at once.
      'x-accel-buffering': 'no',
    },
  });
}
