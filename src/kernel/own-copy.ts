/** A text of its own, one character a byte: a slice keeps the whole text that it was cut from, such as the head of a request, for as long as it is kept itself. */
export const ownCopy = (text: string): string => Buffer.from(text, 'latin1').toString('latin1');
