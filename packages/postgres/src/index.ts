export * from './definition/slice.ts';
export * from './introspect/table-facts.ts';
export * from './session/types.ts';
