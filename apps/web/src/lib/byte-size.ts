const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;

/** A number of bytes as a value and a unit that `Intl.NumberFormat` knows, thousands of thousands: 12.3 MB. */
export function byteSize(bytes: number): { readonly value: number; readonly unit: (typeof UNITS)[number] } {
  let value = bytes;
  let step = 0;
  // 999 950 would be written as 1 000.0 of its unit.
  while (value >= 999.95 && step < UNITS.length - 1) {
    value /= 1000;
    step += 1;
  }
  return { value, unit: UNITS[step] ?? 'byte' };
}
