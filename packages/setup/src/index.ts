export { type Environment, environmentSchema, optionalText, parseEnvironment, readEnvironment } from './environment.ts';
export { type DatabaseAddress, Installation, type InstallationOptions, readKeyFile } from './installation.ts';
