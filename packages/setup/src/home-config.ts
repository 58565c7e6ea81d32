import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { CofreError } from '@cofre/contracts';
import { z } from 'zod';

/** `$COFRE_HOME/config.json`: what `repo init` chose. CLI, web and worker read it; the environment wins. */
const homeConfigSchema = z.object({
  repository: z.string().optional(),
  keyFile: z.string().optional(),
  /** Which repository was made, written down where only the operator can: another one in its place is refused. */
  repositoryId: z.uuid().optional(),
  encryption: z.enum(['aes-256-gcm', 'none']).optional(),
});
export type HomeConfig = z.infer<typeof homeConfigSchema>;

const configPath = (home: string): string => path.join(home, 'config.json');

export async function readHomeConfig(home: string): Promise<HomeConfig> {
  let text: string;
  try {
    text = await readFile(configPath(home), 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {};
    throw new CofreError('usage/invalid', `${configPath(home)} cannot be read. Nothing was started.`, { cause: error });
  }
  try {
    return homeConfigSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new CofreError(
      'usage/invalid',
      `${configPath(home)} is not what \`repo init\` writes. Nothing was started.`,
      {
        hint: 'Correct the file, or remove it and set COFRE_REPOSITORY.',
        cause: error,
      },
    );
  }
}

export async function writeHomeConfig(home: string, config: HomeConfig): Promise<void> {
  await mkdir(home, { recursive: true });
  const draft = `${configPath(home)}.new`;
  await writeFile(draft, `${JSON.stringify(config, null, 2)}\n`);
  await rename(draft, configPath(home));
}
