import { isIPv4 } from 'node:net';

/** From `192.0.2.7:40000` to `198.51.100.1:443`, as a load balancer of ours would say it. */
export const CALLER = {
  sourceAddress: '192.0.2.7',
  sourcePort: 40_000,
  destinationAddress: '198.51.100.1',
  destinationPort: 443,
} as const;
export type Ends = { readonly [K in keyof typeof CALLER]: (typeof CALLER)[K] extends string ? string : number };

/** Version 1 of the PROXY protocol. */
export const textHeader = (ends: Ends = CALLER): string =>
  `PROXY ${isIPv4(ends.sourceAddress) ? 'TCP4' : 'TCP6'} ${ends.sourceAddress} ${ends.destinationAddress} ${ends.sourcePort} ${ends.destinationPort}\r\n`;

const bytesOf = (address: string): readonly number[] => {
  if (isIPv4(address)) return address.split('.').map(Number);
  const [head = [], tail = []] = address.split('::').map((half) => half.split(':').filter((group) => group !== ''));
  const groups = [...head, ...Array<string>(8 - head.length - tail.length).fill('0'), ...tail];
  return groups.map((group) => Number.parseInt(group, 16)).flatMap((group) => [group >> 8, group & 255]);
};

const uint16 = (value: number): readonly number[] => [value >> 8, value & 255];

/** One extension: type, length, value. */
export const extension = (type: number, value: readonly number[]): readonly number[] => [
  type,
  ...uint16(value.length),
  ...value,
];

interface BinaryParts {
  readonly version?: number;
  /** 0: LOCAL, 1: PROXY. */
  readonly command?: number;
  /** 1: IPv4, 2: IPv6, 3: UNIX. */
  readonly family?: number;
  /** 1: TCP, 2: UDP. */
  readonly transport?: number;
  readonly ends?: Ends | undefined;
  readonly extensions?: readonly number[];
  /** Of what follows; by default the right one. */
  readonly length?: number;
}

/** Version 2 of the PROXY protocol. */
export function binaryHeader(parts: BinaryParts = {}): Buffer {
  const ends = 'ends' in parts ? parts.ends : CALLER;
  const family = parts.family ?? (ends === undefined ? 0 : isIPv4(ends.sourceAddress) ? 1 : 2);
  const transport = parts.transport ?? (ends === undefined ? 0 : 1);
  const follows = [
    ...(ends === undefined
      ? []
      : [
          ...bytesOf(ends.sourceAddress),
          ...bytesOf(ends.destinationAddress),
          ...uint16(ends.sourcePort),
          ...uint16(ends.destinationPort),
        ]),
    ...(parts.extensions ?? []),
  ];
  return Buffer.from([
    ...Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1'),
    ((parts.version ?? 2) << 4) | (parts.command ?? 1),
    (family << 4) | transport,
    ...uint16(parts.length ?? follows.length),
    ...follows,
  ]);
}
