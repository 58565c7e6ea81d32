import zlib from 'node:zlib';
import type { Codecs } from '@cofre/engine';
import { gzipWith, nodeCodecs } from './node-codecs.ts';
import { streamedInflate } from './streamed-inflate.ts';
import { wasmZstd } from './wasm-zstd.ts';

/** Node has zstd since 22.15, Deno since 2.2, whatever the types say; who has it also has the rest that `nodeCodecs` need. */
const isComplete = typeof (zlib as { readonly zstdCompress?: unknown }).zstdCompress === 'function';

const streamedGzip = gzipWith(streamedInflate);

/** Codecs for the zlib of hosted edge functions, which is that of Deno 2.1. */
export const olderCodecs: Codecs = (compression) => {
  switch (compression) {
    case 'zstd':
      return wasmZstd;
    case 'gzip':
      return streamedGzip;
    case 'none':
      return nodeCodecs('none');
  }
};

/** The codecs of whichever runtime this is. */
export const runtimeCodecs: Codecs = isComplete ? nodeCodecs : olderCodecs;
