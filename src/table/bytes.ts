/**
 * Requests are byte strings: one character a byte (Latin-1), as Envoy compares them. What a team writes in YAML is
 * Unicode text and becomes the bytes of its UTF-8 form before it is compared with anything (istio-semantics §2.3).
 */

const ASCII_ONLY = /^[\0-\x7f]*$/;
const UPPER_CASE = /[A-Z]/;
const encoder = new TextEncoder();

/** The UTF-8 bytes of a text, one character a byte. */
export function toBytes(text: string): string {
  if (ASCII_ONLY.test(text)) return text;
  let bytes = '';
  for (const byte of encoder.encode(text)) bytes += String.fromCharCode(byte);
  return bytes;
}

/** Lower case as Envoy knows it: ASCII letters alone. `toLowerCase` would also fold bytes above 127. */
export function lowerAscii(bytes: string): string {
  if (!UPPER_CASE.test(bytes)) return bytes;
  if (ASCII_ONLY.test(bytes)) return bytes.toLowerCase();
  return bytes.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** The text that some bytes are in UTF-8; what is none shows as replacement characters. */
export function fromBytes(bytes: string): string {
  if (ASCII_ONLY.test(bytes)) return bytes;
  return new TextDecoder().decode(Uint8Array.from(bytes, (char) => char.charCodeAt(0)));
}
