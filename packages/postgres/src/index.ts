export * from './definition/slice.ts';
export * from './introspect/table-facts.ts';
export * from './session/types.ts';
export { databaseFromUrl } from './session/database.ts';
export { type PgErrorContext, sqlStateOf, translateConnectError, translatePgError } from './session/errors.ts';
export { pinSession } from './session/pin-session.ts';
