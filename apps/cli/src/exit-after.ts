/** Ends the process with the code when everything that was printed has been taken; a reader that went away is no error. */
export async function exitAfter(running: Promise<number>): Promise<void> {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  process.exitCode = await running;
}
