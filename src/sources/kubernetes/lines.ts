/** An object of 1.5 MiB, which is the most that etcd takes, with room for its escapes. */
const MAX_LINE_BYTES = 16 * 1_048_576;

/** The lines of a stream of bytes. Split at LF alone: other separators of Unicode stand unescaped in JSON texts. Throws for a last line that is cut. */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let pieces: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(LF, from); end !== -1; end = chunk.indexOf(LF, from)) {
      pieces.push(chunk.subarray(from, end));
      const line = Buffer.concat(pieces).toString('utf8');
      pieces = [];
      size = 0;
      from = end + 1;
      if (line !== '') yield line;
    }
    if (from === chunk.length) continue;
    pieces.push(chunk.subarray(from));
    size += chunk.length - from;
    if (size > MAX_LINE_BYTES) throw new Error(`a line has more than ${MAX_LINE_BYTES / 1_048_576} MiB`);
  }
  if (size > 0) throw new Error('the stream was cut in the middle of an event');
}

const LF = 0x0a;
