import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { databaseFromUrl } from '@cofre/postgres';
import { type Environment, shell } from './measure.ts';

const DIST = path.resolve(import.meta.dirname, '../../apps/cli/dist');

export interface CofreRepository {
  readonly folder: string;
  readonly environment: Environment;
}

/** The command line as users run it: the bundle, as a process of its own. */
export class Cofre {
  readonly #url: string;
  readonly #scratch: string;
  readonly #environment: Environment;

  constructor(options: { readonly url: string; readonly scratch: string; readonly environment: Environment }) {
    this.#url = options.url;
    this.#scratch = options.scratch;
    this.#environment = { ...options.environment, DATABASE_URL: options.url };
  }

  unavailable(): string | null {
    return existsSync(path.join(DIST, 'cofre.mjs')) ? null : `${DIST} is not built`;
  }

  /** Measures the bundle as it is now, even if somebody builds another meanwhile. */
  async freeze(): Promise<void> {
    await cp(DIST, this.#frozen, { recursive: true, filter: (source) => source !== path.join(DIST, 'types') });
  }

  get #frozen(): string {
    return path.join(this.#scratch, 'cofre-cli');
  }

  /** A line of bash for `measure`. */
  line(command: string): string {
    return `{time} '${process.execPath}' '${path.join(this.#frozen, 'cofre.mjs')}' ${command}`;
  }

  async run(command: string, environment: Environment = this.#environment): Promise<string> {
    const { stdout } = await shell(this.line(command).replace('{time}', ''), environment);
    return stdout;
  }

  /** Tables of the catalogue: the benchmark's own table stands on them. */
  async migrate(): Promise<void> {
    await this.run('db migrate');
  }

  async applyDefinition(definition: string): Promise<void> {
    const file = path.join(this.#scratch, 'definition.yaml');
    await writeFile(file, definition);
    await this.run(`module apply '${file}'`);
  }

  /** An empty, encrypted repository, and a catalogue that remembers no other. */
  async makeRepository(folder: string): Promise<CofreRepository> {
    await this.#forgetBackups();
    const home = `${folder}-home`;
    await rm(home, { recursive: true, force: true });
    await mkdir(home, { recursive: true });
    // As the README has it: a key file needs no key derivation, which would add a constant 0.3 s to each command.
    const keyFile = path.join(home, 'key');
    await writeFile(keyFile, randomBytes(32));
    const environment = {
      ...this.#environment,
      COFRE_HOME: home,
      COFRE_REPOSITORY: pathToFileURL(folder).href,
      COFRE_KEY_FILE: keyFile,
    };
    await this.run('repo init --compression zstd', environment);
    return { folder, environment };
  }

  async #forgetBackups(): Promise<void> {
    const client = await databaseFromUrl(this.#url).connect();
    try {
      await client.query(
        'DELETE FROM public.module_backups; DELETE FROM cofre.lineage; DELETE FROM cofre.repository_pin',
      );
    } finally {
      await client.end();
    }
  }
}
