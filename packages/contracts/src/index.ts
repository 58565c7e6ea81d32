export * from './cofre-error.ts';
export * from './definition.ts';
export * from './documents.ts';
export * from './error-codes.ts';
export * from './ids.ts';
export * from './inputs.ts';
