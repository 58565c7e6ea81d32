import { MASK } from '../backups/show-row.ts';

/** Names under which applications keep what nobody should read over a shoulder: `apiKey`, `smtp_password`, `webhook-secret`. */
const SECRET_NAME = /pass(word|phrase)|secret|token|credential|(api|access|private|signing|encryption)[-_ ]?key/i;

/** JSON text with the values under such names masked, at any depth; text that is no JSON is left as it is. */
export function maskSecretKeys(text: string): string {
  if (!SECRET_NAME.test(text)) return text;
  try {
    return JSON.stringify(JSON.parse(text, (name, value: unknown) => (isSecret(name, value) ? MASK : value)));
  } catch {
    // Nested deeper than JavaScript can follow: what cannot be looked through is not shown.
    return MASK;
  }
}

function isSecret(name: string, value: unknown): boolean {
  // Switches and empty places say nothing: `"tokenExpires": true`.
  return SECRET_NAME.test(name) && value !== null && value !== '' && typeof value !== 'boolean';
}
