/**
 * Style elements that libraries write without a nonce, by the hash of what they write: the toasts' (sonner), and the empty
 * one that it begins as. A test compares them with the installed library.
 */
export const STYLE_HASHES = [
  'sha256-StEaX+se6YS7pqjzrzMIA0KaX9zF/8zAhvQXZAe5epY=',
  'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=',
] as const;

/**
 * What a page may load and do: its own scripts, styles and addresses, nobody else's. Attributes of style are allowed, because
 * lists and progress bars say by them where things are; they cannot run anything.
 */
export function contentSecurityPolicy({
  nonce,
  isHttps,
}: {
  readonly nonce: string;
  readonly isHttps: boolean;
}): string {
  const hashes = STYLE_HASHES.map((hash) => `'${hash}'`).join(' ');
  return [
    "default-src 'none'",
    `script-src 'self' 'nonce-${nonce}' 'strict-dynamic'`,
    `style-src 'self' 'nonce-${nonce}' ${hashes}`,
    "style-src-attr 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "manifest-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    ...(isHttps ? ['upgrade-insecure-requests'] : []),
  ].join('; ');
}
