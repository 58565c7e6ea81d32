import { scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { assert } from '@cofre/contracts';
import type { Random } from '@cofre/engine';

/**
 * How passwords are kept: `scrypt$N$r$p$salt$hash`, so that the cost can rise and old hashes still open. N = 2¹⁵, r = 8,
 * p = 3 is one of the settings that OWASP's cheat sheet on password storage calls equal: 32 MiB, about a tenth of a second.
 */
const COST = { N: 32_768, r: 8, p: 3 };
const SALT_BYTES = 16;
const HASH_BYTES = 32;

interface Cost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

const derive = promisify<string, Buffer, number, Cost & { readonly maxmem: number }, Buffer>(scrypt);

function scryptHash(password: string, salt: Buffer, cost: Cost): Promise<Buffer> {
  // Written with the same accents in another way it is the same password.
  return derive(password.normalize('NFKC'), salt, HASH_BYTES, { ...cost, maxmem: 256 * cost.N * cost.r });
}

export async function hashPassword(password: string, random: Random): Promise<string> {
  const salt = Buffer.from(random.bytes(SALT_BYTES));
  const hash = await scryptHash(password, salt, COST);
  return ['scrypt', COST.N, COST.r, COST.p, salt.toString('base64url'), hash.toString('base64url')].join('$');
}

/** False also for what is no hash of ours: a damaged row opens nothing. */
export async function verifyPassword(password: string, kept: string): Promise<boolean> {
  const [name, n, r, p, salt, hash] = kept.split('$');
  if (name !== 'scrypt' || salt === undefined || hash === undefined) return false;
  const cost = { N: Number(n), r: Number(r), p: Number(p) };
  if (!Object.values(cost).every((it) => Number.isSafeInteger(it) && it > 0)) return false;
  if (cost.N < 2 || cost.N > 2 ** 20) return false;
  const wanted = Buffer.from(hash, 'base64url');
  const found = await scryptHash(password, Buffer.from(salt, 'base64url'), cost);
  return wanted.length === found.length && timingSafeEqual(wanted, found);
}

/** Without letters and digits that look alike; 32 of them, so that each is five bits of what was drawn. */
const LETTERS = 'abcdefghijkmnpqrstuvwxyz23456789';
const GROUPS = 4;
const GROUP_LENGTH = 5;

/** A password to be read from a screen and typed once: `k7wmp-…`, a hundred bits. */
export function drawOneTimePassword(random: Random): string {
  assert(LETTERS.length === 32, 'five bits a letter');
  const letters = [...random.bytes(GROUPS * GROUP_LENGTH)].map((byte) => LETTERS[byte % LETTERS.length]);
  return Array.from({ length: GROUPS }, (_, group) =>
    letters.slice(group * GROUP_LENGTH, (group + 1) * GROUP_LENGTH).join(''),
  ).join('-');
}
