import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { ExportFile } from '@cofre/engine';
import { ZipFile } from 'yazl';

/**
 * Files as one ZIP archive, while they are read: of any size and number, with back-pressure. What fails in a file is thrown
 * to who reads the archive, which then has no end and does not open.
 */
export async function* zipFiles(files: AsyncIterable<ExportFile>, modifiedAt: Date): AsyncGenerator<Buffer> {
  const zip = new ZipFile();
  const output = outputOf(zip);
  zip.on('error', (error: Error) => output.destroy(error));
  const adding = addAll(zip, files, modifiedAt).catch((error: unknown) => {
    output.destroy(error instanceof Error ? error : new Error('an export failed', { cause: error }));
  });
  try {
    // Nobody set an encoding or an object mode, so a chunk is a Buffer.
    for await (const chunk of output) yield chunk as Buffer;
  } finally {
    output.destroy();
    await adding;
  }
}

async function addAll(zip: ZipFile, files: AsyncIterable<ExportFile>, modifiedAt: Date): Promise<void> {
  const output = outputOf(zip);
  for await (const { name, chunks } of files) {
    // Nobody reads on: a stream of an archive that was given up would never be asked for anything.
    if (output.destroyed) return;
    const input = Readable.from(chunks, { objectMode: false });
    const giveUp = () => input.destroy();
    output.once('close', giveUp);
    zip.addReadStream(input, name, { mtime: modifiedAt, mode: 0o600 });
    await finished(input, { cleanup: true });
    output.off('close', giveUp);
  }
  zip.end();
}

function outputOf(zip: ZipFile): Readable {
  // A PassThrough, which the types of the library call by its interface.
  return zip.outputStream as Readable;
}
