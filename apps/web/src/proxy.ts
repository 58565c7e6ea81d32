import { createServerClient } from '@supabase/ssr';
import { type NextRequest, NextResponse } from 'next/server';
import { ASKED_ADDRESS_HEADER } from '#server/asked-address.ts';
import { contentSecurityPolicy } from '#server/content-security-policy.ts';
import { supabaseProject } from '#server/supabase-environment.ts';

/**
 * Runs before every page: gives each a policy of its own with a fresh nonce, which Next puts on its scripts, and renews what
 * Supabase signed in. Who may see what is not decided here but by each page and action, which ask again.
 */
export async function proxy(request: NextRequest): Promise<NextResponse> {
  const nonce = Buffer.from(crypto.getRandomValues(new Uint8Array(NONCE_BYTES))).toString('base64');
  const isHttps = request.headers.get('x-forwarded-proto')?.split(',')[0]?.trim() === 'https';
  const policy = contentSecurityPolicy({ nonce, isHttps });
  const asked = new Headers(request.headers);
  asked.set('x-nonce', nonce);
  asked.set(ASKED_ADDRESS_HEADER, `${request.nextUrl.pathname}${request.nextUrl.search}`);
  asked.set('content-security-policy', policy);
  const renewed = await renewSupabase(request, asked);
  const response = NextResponse.next({ request: { headers: asked } });
  for (const cookie of renewed) response.cookies.set({ ...cookie, httpOnly: true, secure: isHttps });
  response.headers.set('content-security-policy', policy);
  if (isHttps) response.headers.set('strict-transport-security', 'max-age=63072000; includeSubDomains');
  return response;
}

const NONCE_BYTES = 16;

export const config = {
  // Files of the build are the same for everybody.
  matcher: ['/((?!_next/static|favicon.ico).*)'],
};

interface RenewedCookie {
  readonly name: string;
  readonly value: string;
  readonly [option: string]: unknown;
}

/** Pages cannot set cookies while they are rendered, so tokens near their end are renewed before. */
async function renewSupabase(request: NextRequest, asked: Headers): Promise<readonly RenewedCookie[]> {
  const project = supabaseProject();
  if (project === null) return [];
  const renewed: RenewedCookie[] = [];
  const client = createServerClient(project.url, project.key, {
    cookies: {
      getAll: () => request.cookies.getAll(),
      setAll: (all) => {
        for (const { name, value, options } of all) {
          request.cookies.set(name, value);
          renewed.push({ ...options, name, value });
        }
      },
    },
  });
  await client.auth.getSession();
  // The page that is made now reads the renewed ones too.
  if (renewed.length > 0) asked.set('cookie', request.cookies.toString());
  return renewed;
}
