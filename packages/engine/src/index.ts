export * from './format/manifest.ts';
export * from './ports.ts';
export * from './repository/types.ts';
export * from './restore/plan.ts';
export * from './rows/layout.ts';
