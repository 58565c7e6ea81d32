/** The version of every package here; `build.ts` and the manifests of backups repeat it. */
export const VERSION = '0.1.0';
