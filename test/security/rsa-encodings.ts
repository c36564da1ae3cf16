import { constants, createHash, type KeyObject, privateEncrypt } from 'node:crypto';

/* What goes under the bare RSA operation, by hand: right as the standards have it, and wrong in one thing each (RFC 8017). */

/** DER before the hash in a DigestInfo (RFC 8017 §9.2, note 1). */
const PREFIXES: Readonly<Record<string, string>> = {
  sha1: '3021300906052b0e03021a05000414',
  sha256: '3031300d060960864801650304020105000420',
  sha384: '3041300d060960864801650304020205000430',
  sha512: '3051300d060960864801650304020305000440',
};

export const digestInfo = (hash: string, digest: Buffer): Buffer =>
  Buffer.concat([Buffer.from(PREFIXES[hash] as string, 'hex'), digest]);

/** The same without the NULL that its algorithm has for parameters. */
export function digestInfoWithoutNull(hash: string, digest: Buffer): Buffer {
  const whole = digestInfo(hash, digest);
  const nullAt = whole.indexOf(Buffer.from([0x05, 0x00]));
  const cut = Buffer.concat([whole.subarray(0, nullAt), whole.subarray(nullAt + 2)]);
  cut[1] = (cut[1] as number) - 2;
  cut[3] = (cut[3] as number) - 2;
  return cut;
}

/** Length bytes in the long form, which BER allows and DER does not. */
export function digestInfoLongForm(hash: string, digest: Buffer): Buffer {
  const whole = digestInfo(hash, digest);
  return Buffer.concat([Buffer.from([0x30, 0x81, whole[1] as number]), whole.subarray(2)]);
}

/** EMSA-PKCS1-v1_5: 00 01 FF… 00 and the DigestInfo. */
export function padded(info: Buffer, size: number, { first = 0, type = 1, fill = 0xff, end = 0 } = {}): Buffer {
  const filling = Buffer.alloc(size - info.length - 3, fill);
  return Buffer.concat([Buffer.from([first, type]), filling, Buffer.from([end]), info]);
}

/** Short padding and rubbish behind the hash: what a check from the left takes for good (Bleichenbacher 2006). */
export const paddedShort = (info: Buffer, size: number): Buffer =>
  Buffer.concat([
    Buffer.from([0, 1]),
    Buffer.alloc(8, 0xff),
    Buffer.from([0]),
    info,
    Buffer.alloc(size - info.length - 11, 0x5a),
  ]);

export interface PssOptions {
  readonly saltLength?: number;
  readonly maskHash?: string;
  readonly trailer?: number;
  readonly keepTopBit?: boolean;
  readonly separator?: number;
}

/** EMSA-PSS (RFC 8017 §9.1.1) for a modulus whose length is whole bytes. */
export function pssEncoded(hash: string, message: Buffer, size: number, options: PssOptions = {}): Buffer {
  const digest = createHash(hash).update(message).digest();
  const { saltLength = digest.length, maskHash = hash, trailer = 0xbc, keepTopBit = false, separator = 1 } = options;
  const salt = Buffer.alloc(saltLength, 0x42);
  const inner = createHash(hash)
    .update(Buffer.concat([Buffer.alloc(8), digest, salt]))
    .digest();
  const block = Buffer.concat([Buffer.alloc(size - saltLength - inner.length - 2), Buffer.from([separator]), salt]);
  const mask = maskFrom(maskHash, inner, block.length);
  const masked = block.map((byte, i) => byte ^ (mask[i] as number));
  masked[0] = keepTopBit ? (masked[0] as number) | 0x80 : (masked[0] as number) & 0x7f;
  return Buffer.concat([masked, inner, Buffer.from([trailer])]);
}

function maskFrom(hash: string, seed: Buffer, length: number): Buffer {
  const parts: Buffer[] = [];
  for (let counter = 0; parts.length * 20 < length + 64; counter++) {
    const count = Buffer.alloc(4);
    count.writeUInt32BE(counter);
    parts.push(createHash(hash).update(seed).update(count).digest());
  }
  return Buffer.concat(parts).subarray(0, length);
}

/** The private key on a block as it stands. */
export const rawSignature = (key: KeyObject, block: Buffer): Buffer =>
  privateEncrypt({ key, padding: constants.RSA_NO_PADDING }, block);
