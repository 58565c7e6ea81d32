import { toCofreError } from '@cofre/services';
import { errorWords } from './worded.ts';

export type ReadOrWords<Data> =
  | { readonly data: Data }
  | { readonly error: { readonly code: string; readonly message: string; readonly hint: string } };

/** What could be read, or the words of why not: the rest of the page is worth showing all the same. */
export async function readOrWords<Data>(reading: Promise<Data>): Promise<ReadOrWords<Data>> {
  try {
    return { data: await reading };
  } catch (error) {
    return { error: await errorWords(toCofreError(error)) };
  }
}
