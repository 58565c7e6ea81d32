import { readRepository } from './read-repository.ts';

process.exitCode = await readRepository(process.argv.slice(2), {
  variables: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
});
