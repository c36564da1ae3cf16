/** What RFC 3629 calls UTF-8, of more than one byte, and then any byte beyond ASCII that is in none of it. */
const BEYOND_ASCII =
  /([\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|\xed[\x80-\x9f][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})|[\x80-\xff]/g;

/**
 * An authorizer is told UTF-8: each byte that is none becomes `!`, as in Envoy, and so does what is left of a letter where a
 * body was cut. One character a byte, before and after.
 */
export const wellFormed = (bytes: string): string =>
  bytes.replace(BEYOND_ASCII, (_, letter: string | undefined) => letter ?? '!');
