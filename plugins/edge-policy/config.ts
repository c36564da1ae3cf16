import type { FilterContext, FilterSpec, RouteInput } from '../../src/contract/index.ts';
import {
  type Choice,
  choose,
  type Layers,
  layersOf,
  reportMisplaced,
  reportWeakened,
  type SectionName,
  type SectionOf,
  type Weakening,
} from './layers.ts';

/** Each of them must let the caller in. */
export interface ClientAddressSettings {
  readonly addresses: Choice<AddressLists>;
}
export interface AddressLists {
  readonly allow: readonly string[] | undefined;
  readonly deny: readonly string[];
}

export interface RequestLimitSettings {
  readonly bodyBytes: Choice<number> | undefined;
  readonly headerBytes: Choice<number> | undefined;
  readonly unsafeEscapes: Choice<OddPath> | undefined;
  readonly pathParameters: Choice<OddPath> | undefined;
}
export type OddPath = 'REFUSE' | 'ALLOW';

export interface SecurityHeaderSettings {
  /** By lower-case name; `null`: removed. */
  readonly headers: Readonly<Record<string, Choice<string | null>>>;
}

export interface CompressionSettings {
  readonly compression: Choice<Compression>;
}
export interface Compression {
  readonly enabled: boolean;
  readonly algorithms: readonly Algorithm[];
  readonly minBytes: number;
  readonly contentTypes: readonly string[];
}
export type Algorithm = 'zstd' | 'br' | 'gzip';

type Weakened<S extends SectionName> = (mandatory: SectionOf<S>, own: SectionOf<S>) => readonly Weakening[];

function specFor<S extends SectionName, T>(
  name: string,
  section: S,
  settingsOf: (layers: Layers<S>) => T | undefined,
  weakened: Weakened<S>,
): FilterSpec<T> {
  return {
    name,
    kinds: ['EdgePolicy', 'PolicyExemption'],
    compileWorkload(context: FilterContext) {
      if (section === 'clientAddresses') reportMisplaced(context);
      reportWeakened(section, context, weakened);
      return settingsOf(layersOf(section, context));
    },
    compileRoute(route: RouteInput, context: FilterContext) {
      if (context.policies.length === 0) return undefined;
      const layers = layersOf(section, context, route);
      return layers.own ? settingsOf(layers) : undefined;
    },
  };
}

/** A team's lists are asked besides the mandatory ones: they can let in nobody that those keep out. */
export const clientAddressesSpec: FilterSpec<ClientAddressSettings> = specFor(
  'client-addresses',
  'clientAddresses',
  (layers) => {
    const addresses = choose(layers, ({ allow, deny = [] }): AddressLists => ({ allow, deny }));
    return addresses && { addresses };
  },
  () => [],
);

export const requestLimitsSpec: FilterSpec<RequestLimitSettings> = specFor(
  'request-limits',
  'limits',
  (layers) => {
    const bodyBytes = choose(layers, (limits) => limits.bodyBytes);
    const headerBytes = choose(layers, (limits) => limits.headerBytes);
    const unsafeEscapes = choose(layers, (limits) => limits.unsafeEscapes);
    const pathParameters = choose(layers, (limits) => limits.pathParameters);
    const settings = { bodyBytes, headerBytes, unsafeEscapes, pathParameters };
    return Object.values(settings).every((choice) => choice === undefined) ? undefined : settings;
  },
  (mandatory, own) => {
    const larger = (field: 'bodyBytes' | 'headerBytes'): Weakening[] => {
      const wanted = mandatory[field];
      return wanted !== undefined && (own[field] ?? 0) > wanted ? [{ field: [field], wanted }] : [];
    };
    const laxer = (field: 'unsafeEscapes' | 'pathParameters'): Weakening[] =>
      mandatory[field] === 'REFUSE' && own[field] === 'ALLOW' ? [{ field: [field], wanted: 'REFUSE' }] : [];
    return [...larger('bodyBytes'), ...larger('headerBytes'), ...laxer('unsafeEscapes'), ...laxer('pathParameters')];
  },
);

export const securityHeadersSpec: FilterSpec<SecurityHeaderSettings> = specFor(
  'security-headers',
  'securityHeaders',
  (layers) => {
    const names = [...layers.mandatory, ...layers.others].flatMap(({ value }) => [...headersOf(value).keys()]);
    const headers: Record<string, Choice<string | null>> = Object.create(null) as Record<string, never>;
    for (const name of new Set(names)) {
      const choice = choose(layers, (section) => headersOf(section).get(name));
      if (choice !== undefined) headers[name] = choice;
    }
    return names.length === 0 ? undefined : { headers: { ...headers } };
  },
  (mandatory, own) => {
    const above = headersOf(mandatory);
    const removed = (own.remove ?? []).flatMap((name, index): Weakening[] => {
      const wanted = above.get(name.toLowerCase());
      return typeof wanted === 'string' ? [{ field: ['remove', index], wanted }] : [];
    });
    const changed = Object.entries(own.set ?? {}).flatMap(([name, value]): Weakening[] => {
      const wanted = above.get(name.toLowerCase());
      return wanted === undefined || wanted === value ? [] : [{ field: ['set', name], wanted: wanted ?? 'removed' }];
    });
    return [...removed, ...changed];
  },
);

const headersOf = ({ set = {}, remove = [] }: SectionOf<'securityHeaders'>): ReadonlyMap<string, string | null> =>
  new Map([
    ...Object.entries(set).map(([name, value]) => [name.toLowerCase(), value] as const),
    ...remove.map((name) => [name.toLowerCase(), null] as const),
  ]);

const ALGORITHMS: readonly Algorithm[] = ['zstd', 'br', 'gzip'];
const CONTENT_TYPES: readonly string[] = [
  'text/*',
  'application/json',
  'application/javascript',
  'application/xml',
  'application/wasm',
  'application/manifest+json',
  'application/ld+json',
  'application/problem+json',
  'application/rss+xml',
  'application/atom+xml',
  'application/xhtml+xml',
  'application/x-ndjson',
  'image/svg+xml',
];

export const compressionSpec: FilterSpec<CompressionSettings> = specFor(
  'compression',
  'compression',
  (layers) => {
    const compression = choose(
      layers,
      ({ enabled, algorithms, minBytes, contentTypes }): Compression => ({
        enabled,
        algorithms: algorithms ?? ALGORITHMS,
        minBytes: minBytes ?? 1024,
        contentTypes: (contentTypes ?? CONTENT_TYPES).map((type) => type.toLowerCase()),
      }),
    );
    return compression && { compression };
  },
  (mandatory, own) => (own.enabled === mandatory.enabled ? [] : [{ field: ['enabled'], wanted: mandatory.enabled }]),
);
