import { constants, createBrotliCompress, createGzip, createZstdCompress } from 'node:zlib';
import type { BodyTransform } from '../../src/contract/index.ts';
import type { Algorithm } from './config.ts';

/** What is written comes out after so long at the latest: an answer that trickles is not held back for a full block. */
const FLUSH_AFTER_MS = 10;

type Compressor = ReturnType<typeof createGzip> | ReturnType<typeof createBrotliCompress>;

/** Levels for answers made on the fly; windows that bound the memory of one answer to about a megabyte. */
function compressorOf(algorithm: Algorithm): { readonly stream: Compressor; readonly flush: number } {
  switch (algorithm) {
    case 'gzip':
      return { stream: createGzip({ level: 5 }), flush: constants.Z_SYNC_FLUSH };
    case 'br':
      return {
        stream: createBrotliCompress({
          params: { [constants.BROTLI_PARAM_QUALITY]: 4, [constants.BROTLI_PARAM_LGWIN]: 18 },
        }),
        flush: constants.BROTLI_OPERATION_FLUSH,
      };
    case 'zstd':
      return {
        stream: createZstdCompress({
          params: { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_windowLog]: 18 },
        }),
        flush: constants.ZSTD_e_flush,
      };
  }
}

export class ZlibTransform implements BodyTransform {
  readonly #stream: Compressor;
  readonly #flushKind: number;
  #flush: NodeJS.Timeout | undefined;
  onData: ((chunk: Uint8Array) => void) | undefined;
  onDrain: (() => void) | undefined;
  onEnd: (() => void) | undefined;
  onError: ((error: unknown) => void) | undefined;

  constructor(algorithm: Algorithm) {
    const { stream, flush } = compressorOf(algorithm);
    this.#stream = stream;
    this.#flushKind = flush;
    stream.on('data', (chunk: Buffer) => this.onData?.(chunk));
    stream.on('drain', () => this.onDrain?.());
    stream.on('end', () => this.onEnd?.());
    stream.on('error', (error) => this.onError?.(error));
  }

  write(chunk: Uint8Array): boolean {
    if (this.#stream.destroyed) return true;
    this.#flush ??= setTimeout(() => {
      this.#flush = undefined;
      if (!this.#stream.destroyed && !this.#stream.writableEnded) this.#stream.flush(this.#flushKind);
    }, FLUSH_AFTER_MS);
    return this.#stream.write(chunk);
  }

  end(): void {
    clearTimeout(this.#flush);
    this.#stream.end();
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  destroy(): void {
    clearTimeout(this.#flush);
    this.#stream.destroy();
  }
}
