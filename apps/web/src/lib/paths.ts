/** The address of an implementation's page; keys may hold any letter. */
export function implementationPath({ module, key }: { readonly module: string; readonly key: string }): string {
  return `/admin/modules/${encodeURIComponent(module)}/${encodeURIComponent(key)}`;
}
