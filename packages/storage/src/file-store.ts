import { constants, type Stats } from 'node:fs';
import { type FileHandle, link, mkdir, open, opendir, rename, stat, unlink } from 'node:fs/promises';
import nodePath from 'node:path';
import { pathToFileURL } from 'node:url';
import { assert, CofreError } from '@cofre/contracts';
import type { BlobStore, ObjectInfo, Random } from '@cofre/engine';
import { fileError, systemCode } from './file-errors.ts';
import { objectMissing, objectTooShort } from './read-errors.ts';
import { assertStorePath, assertStorePrefix, isStorePath } from './store-path.ts';
import { systemRandom } from './system.ts';

/** No part of a store's path may hold it, so a temporary file is never taken for an object. */
const TEMPORARY_MARK = '~';

/** A writer that lived this long ago is gone: the largest object is written in minutes. */
const TEMPORARY_FILE_AGE_MS = 24 * 60 * 60 * 1000;

/** Backups hold what the database holds: only the owner may look. Wider rights can be given by hand; they are kept. */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

/** What link(2) answers on file systems that have no hard links (exFAT, some network and FUSE mounts). */
const NO_HARD_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

/** What fsync(2) answers where a folder cannot be synced; such systems write names through or cannot promise more. */
const NO_FOLDER_SYNC = new Set(['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EISDIR', 'EPERM']);

/**
 * Objects as files of a folder. An object is written under a temporary name beside its place, synced, put in its place
 * by rename(2) or link(2), and the folder is synced: at every instant it is there whole or not at all.
 */
export class FileStore implements BlobStore {
  readonly url: string;
  readonly #root: string;
  readonly #random: Random;
  #hardLinks: boolean;
  readonly #sweptFolders = new Set<string>();

  /** `hardLinks: false` behaves as on a file system that has none; otherwise that is found out. */
  constructor(folder: string, options: { readonly random?: Random; readonly hardLinks?: false } = {}) {
    this.#root = nodePath.resolve(folder);
    this.url = pathToFileURL(this.#root).href;
    this.#random = options.random ?? systemRandom;
    this.#hardLinks = options.hardLinks ?? true;
  }

  async put(path: string, bytes: Uint8Array, options: { readonly ifAbsent?: boolean } = {}): Promise<boolean> {
    assertStorePath(path);
    const file = this.#fileOf(path);
    const folder = nodePath.dirname(file);
    const temporary = `${file}${TEMPORARY_MARK}${Buffer.from(this.#random.bytes(8)).toString('hex')}`;
    try {
      await this.#makeFolder(folder);
      const written = await writeSynced(temporary, bytes);
      await this.#sweep(folder, written.mtimeMs);
      const placed = options.ifAbsent === true ? await this.#placeNew(temporary, file) : await replace(temporary, file);
      // Also where another writer won: its object must be as durable as ours would be, before anyone builds on it.
      await syncFolder(folder);
      return placed;
    } catch (error) {
      await unlink(temporary).catch(() => undefined); // The first failure is the one to report; a later put sweeps.
      throw fileError(error, `${path} could not be written to ${this.url}, and nothing was changed there`);
    }
  }

  async get(path: string, range?: { readonly offset: number; readonly length: number }): Promise<Uint8Array> {
    assertStorePath(path);
    let handle: FileHandle | undefined;
    try {
      handle = await open(this.#fileOf(path), constants.O_RDONLY);
      const info = await handle.stat();
      if (!info.isFile()) throw objectMissing(this.url, path);
      const { offset, length } = range ?? { offset: 0, length: info.size };
      assert(offset >= 0 && length >= 0, 'a range has no negative numbers');
      const tooShort = () => objectTooShort(this.url, path, { sizeBytes: info.size, offset, length });
      if (offset + length > info.size) throw tooShort();
      const bytes = Buffer.allocUnsafeSlow(length);
      for (let done = 0; done < length; ) {
        const { bytesRead } = await handle.read(bytes, done, length - done, offset + done);
        if (bytesRead === 0) throw tooShort();
        done += bytesRead;
      }
      return bytes;
    } catch (error) {
      if (isAbsence(error)) throw objectMissing(this.url, path, error);
      throw fileError(error, `${path} could not be read from ${this.url}`);
    } finally {
      await handle?.close();
    }
  }

  async stat(path: string): Promise<ObjectInfo | null> {
    assertStorePath(path);
    try {
      const info = await unlessAbsent(stat(this.#fileOf(path)));
      return info?.isFile() === true ? infoOf(path, info) : null;
    } catch (error) {
      throw fileError(error, `${path} could not be looked up in ${this.url}`);
    }
  }

  async *list(prefix: string): AsyncIterable<ObjectInfo> {
    assertStorePrefix(prefix);
    const begin = prefix.lastIndexOf('/') + 1;
    try {
      yield* this.#walk(prefix.slice(0, begin), prefix.slice(begin));
    } catch (error) {
      throw fileError(error, `${this.url} could not be listed`);
    }
  }

  async delete(path: string): Promise<void> {
    assertStorePath(path);
    try {
      await unlessAbsent(unlink(this.#fileOf(path)));
    } catch (error) {
      throw fileError(error, `${path} could not be deleted from ${this.url}`);
    }
  }

  async sweep(now: Date): Promise<void> {
    try {
      await this.#sweepBelow(this.#root, now.getTime());
    } catch (error) {
      throw fileError(error, `what killed writers left in ${this.url} could not be removed`);
    }
  }

  #fileOf(path: string): string {
    return nodePath.join(this.#root, ...path.split('/'));
  }

  /** `parent` is '' or ends with '/'. Only names that begin with `begun` are looked into. */
  async *#walk(parent: string, begun: string): AsyncIterable<ObjectInfo> {
    const folder = nodePath.join(this.#root, parent);
    const entries = await unlessAbsent(opendir(folder));
    if (entries === null) return;
    for await (const entry of entries) {
      const path = parent + entry.name;
      if (!entry.name.startsWith(begun) || !isStorePath(path)) continue;
      // Not the kind that the entry gives: an administrator may have moved a folder to another disk behind a link.
      const info = await unlessAbsent(stat(nodePath.join(folder, entry.name)));
      if (info?.isFile() === true) yield infoOf(path, info);
      else if (info?.isDirectory() === true) yield* this.#walk(`${path}/`, '');
    }
  }

  /** A folder's name lives in its parent, so each parent of a new folder is synced too. */
  async #makeFolder(folder: string): Promise<void> {
    const topmostMade = await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
    if (topmostMade === undefined) return;
    for (let made = folder; ; made = nodePath.dirname(made)) {
      await syncFolder(nodePath.dirname(made));
      if (made === topmostMade) return;
    }
  }

  /** Puts the file in its place unless there is one. Of two that race one wins: link(2) decides. */
  async #placeNew(temporary: string, file: string): Promise<boolean> {
    if (this.#hardLinks) {
      try {
        await link(temporary, file);
        await unlink(temporary);
        return true;
      } catch (error) {
        const code = systemCode(error) ?? '';
        if (code === 'EEXIST') {
          await unlink(temporary);
          return false;
        }
        if (!NO_HARD_LINKS.has(code)) throw error;
        this.#hardLinks = false;
      }
    }
    return this.#placeNewByClaim(temporary, file);
  }

  /** Without hard links, whoever makes the claim file (O_EXCL) may look and rename; it is left behind only by a crash. */
  async #placeNewByClaim(temporary: string, file: string): Promise<boolean> {
    const claim = `${file}${TEMPORARY_MARK}claim`;
    try {
      await (await open(claim, 'wx', FILE_MODE)).close();
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error;
      throw new CofreError('storage/unavailable', `another writer is putting ${file} right now`, { cause: error });
    }
    try {
      const existing = await unlessAbsent(stat(file));
      if (existing === null) return await replace(temporary, file);
      await unlink(temporary);
      return false;
    } finally {
      await unlessAbsent(unlink(claim));
    }
  }

  /**
   * Removes what writers that crashed left in a folder, once per folder. Ages are measured from the file just written:
   * both times come from the disk, so a wrong clock here harms nobody's write that is still under way.
   */
  async #sweep(folder: string, nowMs: number): Promise<void> {
    if (this.#sweptFolders.has(folder)) return;
    this.#sweptFolders.add(folder);
    for await (const entry of await opendir(folder)) {
      if (entry.name.includes(TEMPORARY_MARK)) await removeIfLeft(nodePath.join(folder, entry.name), nowMs);
    }
  }

  /** Folders too that nobody puts anything into any more. Only what the store itself would list is looked into. */
  async #sweepBelow(folder: string, nowMs: number): Promise<void> {
    const entries = await unlessAbsent(opendir(folder));
    if (entries === null) return;
    for await (const entry of entries) {
      const place = nodePath.join(folder, entry.name);
      if (entry.name.includes(TEMPORARY_MARK)) await removeIfLeft(place, nowMs);
      else if (isStorePath(entry.name) && (await unlessAbsent(stat(place)))?.isDirectory() === true)
        await this.#sweepBelow(place, nowMs);
    }
  }
}

async function removeIfLeft(file: string, nowMs: number): Promise<void> {
  const info = await unlessAbsent(stat(file));
  if (info?.isFile() === true && nowMs - info.mtimeMs > TEMPORARY_FILE_AGE_MS) await unlessAbsent(unlink(file));
}

async function writeSynced(file: string, bytes: Uint8Array): Promise<Stats> {
  const handle = await open(file, 'wx', FILE_MODE);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
    return await handle.stat();
  } finally {
    await handle.close();
  }
}

async function replace(temporary: string, file: string): Promise<true> {
  await rename(temporary, file);
  return true;
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY).catch((error: unknown) => {
    if (NO_FOLDER_SYNC.has(systemCode(error) ?? '')) return null;
    throw error;
  });
  try {
    await handle?.sync();
  } catch (error) {
    if (!NO_FOLDER_SYNC.has(systemCode(error) ?? '')) throw error;
  } finally {
    await handle?.close();
  }
}

/** null where the file is not there, or no longer. */
async function unlessAbsent<T>(operation: Promise<T>): Promise<T | null> {
  try {
    return await operation;
  } catch (error) {
    if (isAbsence(error)) return null;
    throw error;
  }
}

/** ENOTDIR: a part of the path is a file, so what lies below it is not there. */
function isAbsence(error: unknown): boolean {
  const code = systemCode(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

function infoOf(path: string, info: Stats): ObjectInfo {
  return { path, sizeBytes: info.size, modifiedAt: info.mtime };
}
