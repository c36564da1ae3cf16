/** Characters that parts of a request may have, the preferred ones first: witnesses are read by people. */

const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-_~';
const MARKS = `"<>\\^\`{|}`;

const bytesFrom = (first: number, last: number): string =>
  Array.from({ length: last - first + 1 }, (_, i) => String.fromCharCode(first + i)).join('');

/** Of a normalised path; all others are percent-encoded there (istio-semantics §7.1). */
export const PATH_ALPHABET = `${LETTERS}!$&'()*+,:;=@[]/.%`;
/** Of a path that is used as received. */
export const RAW_PATH_ALPHABET = `${PATH_ALPHABET}${MARKS}`;
/** Of a query parameter. */
export const QUERY_ALPHABET = `${LETTERS}!$'()*+,.:;=@[]/?%${MARKS}`;
export const METHOD_ALPHABET = `ABCDEFGHIJKLMNOPQRSTUVWXYZ${LETTERS}!#$%&'*+.^\`|`;
export const AUTHORITY_ALPHABET = `${LETTERS}.:!$&'()*+,;=@[]%`;
/** Of a header value: RFC 9110 §5.5. */
export const VALUE_ALPHABET = `${LETTERS}!#$%&'()*+,./:;=?@[]${MARKS} ${bytesFrom(0x80, 0xff)}\t`;
/** Of a claim: whatever JSON can say. */
export const CLAIM_ALPHABET = `${VALUE_ALPHABET}${bytesFrom(0x00, 0x08)}${bytesFrom(0x0a, 0x1f)}\x7f`;
