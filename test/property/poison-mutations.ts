/** Ways in which a file goes wrong: a slip of the hand, a bad merge, a failing disk, ill will. */

export type Random = () => number;

type Mutation = (lines: readonly string[], random: Random) => readonly string[];

const upTo = (limit: number, random: Random): number => Math.floor(random() * limit);
const oneOf = <T>(list: readonly T[], random: Random): T => list[upTo(list.length, random)] as T;

/** `change` at the place of one line. */
const atLine =
  (change: (line: string, random: Random, lines: readonly string[]) => readonly string[]): Mutation =>
  (lines, random) => {
    const at = upTo(lines.length, random);
    return [...lines.slice(0, at), ...change(lines[at] ?? '', random, lines), ...lines.slice(at + 1)];
  };

/** Values that have broken something somewhere. Names of other teams are among them. */
const HOSTILE: readonly string[] = [
  '',
  'null',
  '~',
  'true',
  '-1',
  '0',
  '65536',
  '1e999',
  '99999999999999999999',
  '.nan',
  '0x7fffffff',
  '[]',
  '{}',
  '[[[[[[]]]]]]',
  '{ __proto__: { polluted: yes } }',
  '__proto__',
  'constructor',
  'toString',
  '"*"',
  '"**"',
  '"*.example.com"',
  '"*.com"',
  'orders.example.com',
  'accounts.example.com',
  'ORDERS.EXAMPLE.COM',
  'orders.orders.svc.cluster.local',
  'legacy-gateway.example.internal',
  'platform/edge',
  'platform',
  'orders',
  '"../../../etc/passwd"',
  '"/\\u0000"',
  '"\\u202e\\ufeff"',
  '"a\\r\\nx-injected: 1"',
  '"%REQ(:path)%%%"',
  '"%DOWNSTREAM_PEER_CERT_V_START(%"',
  '"(((((((((a+)+)+)+)+)+)+)+)+$"',
  '"(a|a)*b"',
  '"[a-z]{1000}{1000}"',
  '"(?!x)"',
  '"/{**}/{*}/{=}"',
  `"${'x'.repeat(5_000)}"`,
  `"${'(a?)'.repeat(300)}"`,
  '*unknown',
  '&anchor value',
  '!!binary "AAAA"',
  '!!js/function "function () { process.exit(1) }"',
  '{ exact: a, prefix: b, regex: c }',
  '100000h',
  '-5s',
  '0.0.0.0/0',
  '127.0.0.1',
  'fe80::1%eth0',
  'unix:///var/run/docker.sock',
  'file:///etc/shadow',
  '2026-13-45T99:99:99Z',
  '0001-01-01T00:00:00Z',
];

const flipByte: Mutation = (lines, random) => {
  const bytes = Buffer.from(lines.join('\n'), 'latin1');
  for (let flips = 1 + upTo(3, random); flips > 0 && bytes.length > 0; flips--) {
    const at = upTo(bytes.length, random);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << upTo(8, random));
  }
  return bytes.toString('latin1').split('\n');
};

const moveLine: Mutation = (lines, random) => {
  const rest = [...lines];
  const [taken] = rest.splice(upTo(rest.length, random), 1);
  if (taken !== undefined) rest.splice(upTo(rest.length + 1, random), 0, taken);
  return rest;
};

const cutOff: Mutation = (lines, random) => {
  const text = lines.join('\n');
  return text.slice(0, upTo(text.length, random)).split('\n');
};

/** What a merge leaves behind. */
const conflictMarkers: Mutation = (lines, random) => {
  const at = upTo(lines.length, random);
  return [...lines.slice(0, at), '<<<<<<< HEAD', lines[at] ?? '', '=======', '>>>>>>> main', ...lines.slice(at + 1)];
};

function misspell(word: string, random: Random): string {
  const at = upTo(word.length, random);
  switch (upTo(4, random)) {
    case 0:
      return word.slice(0, at) + word.slice(at + 1);
    case 1:
      return word.slice(0, at) + (word[at] ?? '') + word.slice(at);
    case 2:
      return word.slice(0, at) + oneOf([...'aeiou-_ .'], random) + word.slice(at + 1);
    default:
      return at % 2 === 0 ? word.toUpperCase() : '__proto__';
  }
}

const misspeltKey = atLine((line, random) => {
  const keys = [...line.matchAll(/([A-Za-z_/.-]+):/g)];
  if (keys.length === 0) return [line];
  const key = oneOf(keys, random);
  return [line.slice(0, key.index) + misspell(key[1] ?? '', random) + line.slice(key.index + (key[1] ?? '').length)];
});

const hostileValue = atLine((line, random) => {
  const values = [...line.matchAll(/(?<=: |- |\[|, )[^\s{}[\],][^{}[\],]*/g)];
  if (values.length === 0) return [`${line} ${oneOf(HOSTILE, random)}`];
  const value = oneOf(values, random);
  return [line.slice(0, value.index) + oneOf(HOSTILE, random) + line.slice(value.index + value[0].length)];
});

const indentation = atLine((line, random) => {
  switch (upTo(4, random)) {
    case 0:
      return [` ${line}`];
    case 1:
      return [line.replace(/^ {1,2}/, '')];
    case 2:
      return [`\t${line}`];
    default:
      return [line.trimStart()];
  }
});

/** A value from elsewhere in the file, at the right place for another one. */
const foreignValue = atLine((line, random, lines) => {
  const colon = line.indexOf(': ');
  const other = oneOf(lines, random);
  const from = other.indexOf(': ');
  return colon === -1 || from === -1 ? [line, other] : [line.slice(0, colon) + other.slice(from)];
});

/** Still a valid file, most times, that means something else. */
const otherNumber = atLine((line, random) => [
  line.replace(/\b\d+/, (number) =>
    String(oneOf([0, 1, 2, 80, 443, 503, Number(number) + 1, Number(number) * 10], random)),
  ),
]);

const otherName = atLine((line, random) => [
  line.replace(/\b(shop|storefront|own|rich|part|outside|v1|v2|edge|orders|accounts|platform|example)\b/, () =>
    oneOf(
      ['shop', 'orders', 'accounts', 'platform', 'legacy', 'storefront', 'edge', 'own', 'part', 'v1', 'v9'],
      random,
    ),
  ),
]);

const MUTATIONS: readonly Mutation[] = [
  flipByte,
  flipByte,
  atLine(() => []),
  atLine((line) => [line, line]),
  moveLine,
  cutOff,
  conflictMarkers,
  misspeltKey,
  misspeltKey,
  hostileValue,
  hostileValue,
  hostileValue,
  hostileValue,
  indentation,
  indentation,
  foreignValue,
  foreignValue,
  otherNumber,
  otherNumber,
  otherNumber,
  otherName,
  otherName,
  otherName,
  otherName,
];

/** The file after one to three mishaps, as bytes: not all of them leave UTF-8. */
export function mutate(text: string, random: Random): Buffer {
  let lines: readonly string[] = Buffer.from(text).toString('latin1').split('\n');
  for (let times = oneOf([1, 1, 1, 2, 3], random); times > 0; times--) lines = oneOf(MUTATIONS, random)(lines, random);
  return Buffer.from(lines.join('\n'), 'latin1');
}
