import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { contentSecurityPolicy, STYLE_HASHES } from './content-security-policy.ts';

const hashOf = (text: string) => `sha256-${createHash('sha256').update(text).digest('base64')}`;

describe('the policy of pages', () => {
  const policy = contentSecurityPolicy({ nonce: 'abc', isHttps: true });

  it('lets no script run without the nonce, and loads nothing from elsewhere', () => {
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self' 'nonce-abc' 'strict-dynamic'");
    expect(policy).not.toMatch(/unsafe-eval|https?:|\*|script-src[^;]*unsafe-inline|style-src [^;]*unsafe-inline/);
  });

  it('has the hashes of the styles that the installed libraries write, and no others', () => {
    const library = readFileSync(fileURLToPath(import.meta.resolve('sonner')), 'utf8');
    const written = /__insertCSS\((".*")\);/.exec(library)?.[1];
    expect([...STYLE_HASHES]).toEqual([hashOf(JSON.parse(written ?? '""') as string), hashOf('')]);
  });
});

describe('the colours', () => {
  const css = readFileSync(new URL('../app/globals.css', import.meta.url), 'utf8');
  const declarations = (selector: RegExp) =>
    selector
      .exec(css)?.[1]
      ?.split('\n')
      .map((line) => line.trim())
      .filter(Boolean) ?? [];

  it('of the dark are written once, and each has its light one', () => {
    const chosen = declarations(/@variant dark \{\n([^}]*)\}/);
    const nameOf = (line: string) => line.split(':')[0];
    const light = declarations(/^:root \{\n([^}]*)\}/m).map(nameOf);
    expect(light.filter((name) => name !== '--radius')).toEqual(chosen.map(nameOf));
    expect(chosen.length).toBeGreaterThan(30);
  });
});
