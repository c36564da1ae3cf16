import type { Tunnel } from './stream.ts';

/**
 * Ties two raw sides together: bytes both ways with back-pressure, half-closes mirrored, and when one side is gone the
 * other goes too. `first`: bytes of the far side that came early. `done` is called once, with the bytes each way; `heard`
 * with all that the near side says.
 */
export function splice(
  near: Tunnel,
  far: Tunnel,
  first: Uint8Array,
  done: (fromNear: number, fromFar: number) => void,
  heard?: (chunk: Uint8Array) => void,
): void {
  let fromNear = 0;
  let fromFar = first.length;
  let open = true;
  const close = (): void => {
    if (!open) return;
    open = false;
    near.destroy();
    far.destroy();
    done(fromNear, fromFar);
  };
  near.onData = (chunk) => {
    fromNear += chunk.length;
    heard?.(chunk);
    if (!far.write(chunk)) near.pause();
  };
  far.onData = (chunk) => {
    fromFar += chunk.length;
    if (!near.write(chunk)) far.pause();
  };
  far.onDrain = () => near.resume();
  near.onDrain = () => far.resume();
  near.onEnd = () => far.end();
  far.onEnd = () => near.end();
  near.onClose = close;
  far.onClose = close;
  if (first.length > 0 && !near.write(first)) far.pause();
  near.resume();
  far.resume();
}
