/** A count as one says it when it is not known exactly: 2137 is about 2100. */
export function roughly(value: number): number {
  return Number(value.toPrecision(DIGITS));
}

const DIGITS = 2;
