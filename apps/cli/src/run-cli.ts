import { CofreError, type ErrorDocument } from '@cofre/contracts';
import { toCofreError, toErrorDocument } from '@cofre/services';
import { type Environment, Installation, readEnvironment } from '@cofre/setup';
import { CommanderError } from 'commander';
import { EXIT_DONE, exitCodeOf } from './exit-codes.ts';
import { type ProgressStyle, progressDisplay } from './output/progress.ts';
import { buildProgram, type Start } from './program.ts';
import { Run } from './run.ts';
import { VERSION } from './version.ts';

/** After a signal everything is to stop by itself; what does not within this time is left to the server to clean up. */
const STOP_TIMEOUT_MS = 20_000;

/** One Ctrl-C arrives twice where npm, or `timeout`, passes on what the terminal sent to everybody. */
const SAME_SIGNAL_MS = 500;

/** Runs one command line and gives its exit code. Nothing is thrown: errors are printed. */
export async function runCli(
  args: readonly string[],
  variables: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  const isJson = args.includes('--json');
  let exitCode: number = EXIT_DONE;
  let environment: Environment | null = null;
  const start: Start = async ({ load, operands, options }) => {
    environment = readEnvironment(variables);
    exitCode = await runCommand({ environment, variables, command: load, operands, options });
  };
  let help = '';
  try {
    const program = buildProgram(start);
    for (const command of [program, ...descendants(program)]) {
      // What commander would print of an error is said by `report`; help that it prints for want of a command is kept.
      command.exitOverride().configureOutput({ writeErr: (text) => void (help += text) });
    }
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT_DONE;
    if (error instanceof CommanderError && error.code === 'commander.help' && !isJson)
      process.stderr.write(`${help}\n`);
    const failure = error instanceof CommanderError ? usageError(error) : toCofreError(error);
    report(failure, { isJson, isDebug: variables['COFRE_LOG'] === 'debug' });
    return exitCodeOf(failure);
  }
}

type Program = ReturnType<typeof buildProgram>;

function descendants(command: Program): readonly Program[] {
  return command.commands.flatMap((child) => [child, ...descendants(child)]);
}

async function runCommand(input: {
  readonly environment: Environment;
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly command: Parameters<Start>[0]['load'];
  readonly operands: readonly string[];
  readonly options: Readonly<Record<string, unknown>>;
}): Promise<number> {
  const { environment, variables, operands, options } = input;
  const display = progressDisplay(progressStyle(options), process.stderr);
  const interruption = interruptible(() => display.stop());
  const composition = new Installation({
    environment,
    from: import.meta.dirname,
    madeBy: `cofre ${VERSION}`,
    signal: interruption.signal,
    onProgress: (event) => display.show(event),
  });
  const stdout = {
    write: (text: string) => {
      display.stop();
      process.stdout.write(text);
    },
    pour: (chunk: Uint8Array) => {
      display.stop();
      return new Promise<void>((resolve, reject) => {
        process.stdout.write(chunk, (error) => (error == null ? resolve() : reject(error)));
      });
    },
  };
  try {
    const command = await input.command();
    return (await command(new Run({ operands, options, composition, variables, stdout }))) ?? EXIT_DONE;
  } catch (error) {
    if (!interruption.signal.aborted) throw error;
    throw interrupted(error);
  } finally {
    display.stop();
    await composition.close();
    interruption.end();
  }
}

function progressStyle(options: Readonly<Record<string, unknown>>): ProgressStyle {
  const { progress, json } = options;
  if (progress === 'none' || progress === 'bar' || progress === 'json') return progress;
  return process.stderr.isTTY && json !== true ? 'bar' : 'none';
}

/** The first signal asks the work to stop; another one ends the process at once. */
function interruptible(onSignal: () => void): { readonly signal: AbortSignal; end(): void } {
  const controller = new AbortController();
  let isEcho = true;
  const handle = () => {
    onSignal();
    if (controller.signal.aborted) {
      if (isEcho) return;
      process.exit(130);
    }
    controller.abort();
    process.stderr.write('Stopping …\n');
    setTimeout(() => (isEcho = false), SAME_SIGNAL_MS).unref();
    setTimeout(() => process.exit(130), STOP_TIMEOUT_MS).unref();
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, handle);
  return {
    signal: controller.signal,
    end: () => {
      for (const signal of signals) process.off(signal, handle);
    },
  };
}

function interrupted(error: unknown): CofreError {
  const known = toCofreError(error);
  if (known.code === 'backup/interrupted') {
    return new CofreError('backup/interrupted', 'Interrupted. Nothing half done is listed, and no data was changed.', {
      cause: error,
    });
  }
  return known;
}

function usageError(error: CommanderError): CofreError {
  const message = error.message.replace(/^error: /, '').replace(/\n/g, ' ');
  // Called without a subcommand, commander "fails" by printing its help.
  if (error.code === 'commander.help') {
    return new CofreError('usage/invalid', 'A command is missing.', { hint: 'cofre --help lists the commands.' });
  }
  return new CofreError(
    'usage/invalid',
    `${message.charAt(0).toUpperCase()}${message.slice(1)}. Nothing was started.`,
    {
      hint: 'Run the command with --help to see what it takes.',
      cause: error,
    },
  );
}

/** Many messages and remedies both end by saying that nothing was changed; once is enough. */
function withoutEcho({ message, hint }: CofreError): string {
  return /Nothing was [^.]+\./.test(message) ? hint.replace(/ ?Nothing was [^.]+\.$/, '') : hint;
}

/** One line in words, or one JSON document, on stderr. The stack is for those who ask for it. */
function report(error: CofreError, how: { readonly isJson: boolean; readonly isDebug: boolean }): void {
  if (how.isJson) {
    const document: { error: ErrorDocument } = { error: toErrorDocument(error) };
    process.stderr.write(`${JSON.stringify(document)}\n`);
  } else {
    process.stderr.write(`cofre: ${error.message.trimEnd()} ${withoutEcho(error)}\n`.replace(/ \n$/, '\n'));
  }
  if (!how.isDebug) return;
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause)
    process.stderr.write(`${cause.stack}\n`);
}
