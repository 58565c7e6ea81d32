import { settleClientAddresses } from '#server/client-address.ts';
import { webEnvironment } from '#server/environment.ts';

/** Next calls it once, before it answers anybody. */
export function register(): void {
  settleClientAddresses(webEnvironment().COFRE_TRUSTED_PROXIES);
}
