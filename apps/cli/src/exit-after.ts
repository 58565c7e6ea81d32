/**
 * Ends the process with the code when everything that was printed has been taken. A reader that went away is no error;
 * an answer that could not be written (a full disk) is. What is told on stderr meanwhile never decides how work ends.
 */
export async function exitAfter(running: Promise<number>): Promise<void> {
  process.stderr.on('error', () => undefined);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    process.stderr.write(`cofre: The answer could not be written: ${error.message}. What was asked for was done.\n`);
    process.exit(1);
  });
  process.exitCode = await running;
}
