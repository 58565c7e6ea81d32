'use client';

import { useFormatter } from 'next-intl';
import { byteSize } from '#lib/byte-size.ts';

/** A size as the language writes it: `12.3 MB`, `12,3 MB`. */
export function useByteSize(): (bytes: number) => string {
  const format = useFormatter();
  return (bytes) => {
    const { value, unit } = byteSize(bytes);
    return format.number(value, {
      style: 'unit',
      unit,
      unitDisplay: unit === 'byte' ? 'long' : 'short',
      maximumFractionDigits: unit === 'byte' || value >= 100 ? 0 : 1,
    });
  };
}

export function ByteSize({ bytes }: { readonly bytes: number }) {
  return <span className="tabular-nums">{useByteSize()(bytes)}</span>;
}
