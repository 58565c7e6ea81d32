import { settleClientAddresses } from '#server/client-address.ts';
import { webEnvironment } from '#server/environment.ts';
import { settleAddresses } from '#server/readable-address.ts';

/** Next calls it once, before it answers anybody. */
export function register(): void {
  settleAddresses();
  settleClientAddresses(webEnvironment().COFRE_TRUSTED_PROXIES);
}
