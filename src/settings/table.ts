import { isIP } from 'node:net';
import { nearest } from '../kernel/nearest.ts';
import { err, ok, type Result } from '../kernel/result.ts';
import { LIMIT_SETTINGS, type LimitSettings } from './limits.ts';

/**
 * How this process is to run, decided once at its start and never changed after. A flag wins over the environment, that
 * over the settings file, that over the default. `settings.ts` reads them.
 */
export interface Settings extends LimitSettings {
  /** Root of the routes, `<dir>/<namespace>/**` + `/*.yaml`; undefined: not said. */
  readonly dir: string | undefined;
  readonly meshConfig: string | undefined;
  /** Added to every Gateway port when its socket is bound, nowhere else. */
  readonly portOffset: number;
  readonly listenAddress: string;
  /** Networks of the load balancers whose PROXY header is believed, where the mesh configuration has the protocol; undefined: of all. */
  readonly proxyProtocolFrom: readonly string[] | undefined;
  readonly adminAddress: string;
  readonly adminPort: number;
  /** Host names, besides loopback's and IP addresses, by which the admin listener may be called. */
  readonly adminHosts: readonly string[];
  readonly gatewayLabels: Readonly<Record<string, string>>;
  readonly gatewayNamespace: string;
  readonly clusterDomain: string;
  /** May routes and policies lead to loopback addresses? `auto`: only when the gateway listens on loopback itself. */
  readonly allowLoopback: 'auto' | 'yes' | 'no';
  /** `auto`: text on a terminal, else JSON. */
  readonly logFormat: 'auto' | 'json' | 'text';
  readonly logLevel: LogLevel;
  readonly accessLog: 'json' | 'text' | 'off';
  /** undefined: standard output. */
  readonly accessLogFile: string | undefined;
  /** Share of the requests that are logged, from 0 to 1; failed and refused ones are in any case. */
  readonly accessLogSampling: number;
  /** Do clients of HTTP/1.1 get what services say before their answer (102, 103), as RFC 9110 §15.2 has it? Istio keeps it from them. */
  readonly interimOverHttp1: boolean;
  /** Istio's standard metrics (`istio_requests_total` and the like) besides our own. */
  readonly istioMetrics: boolean;
  readonly drainSeconds: number;
  /** Do ordinary HTTP/1.1 requests go past Fastify and node's HTTP objects? `no` is the way back, should the lane be under suspicion. */
  readonly fastLane: boolean;
  /** Processes that serve; `auto`: one per core, each replaced when it ends. A single one that is asked for shares the control part's process. */
  readonly workers: number | 'auto';
  /** Larger files are refused unread. */
  readonly maxFileMib: number;
  readonly redisUrl: string | undefined;
  /** Files or packages of the network team's own plugins, in their order. */
  readonly plugin: readonly string[];
  /** OTLP/HTTP collector of traces; undefined: no tracing. */
  readonly otlpEndpoint: string | undefined;
  /** Percent of the traces that begin here. */
  readonly traceSampling: number;
  /** Are the objects of a Kubernetes cluster read, besides or instead of a directory? */
  readonly kubernetes: boolean;
  /** undefined: KUBECONFIG, ~/.kube/config, or the ServiceAccount of the Pod. */
  readonly kubeconfig: string | undefined;
  /** Labels of the namespaces whose objects count; undefined: all count. */
  readonly namespaceSelector: string | undefined;
  /** Where what is served is saved, for a start while the API server is away; undefined: nowhere. */
  readonly stateDir: string | undefined;
  /** Are statuses written to the objects of the cluster? */
  readonly writeStatus: boolean;
  /** Where the admission webhook listens; 0: it does not. */
  readonly admissionPort: number;
  /** Folder with `tls.crt` and `tls.key`. */
  readonly admissionCerts: string | undefined;
}

type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type SettingKey = keyof Settings;

/** One setting: what every way of giving it, and its help text, are made from. */
export interface SettingSpec<K extends SettingKey = SettingKey> {
  /** Name in the settings file. */
  readonly key: K;
  /** Without the leading dashes. */
  readonly flag: string;
  /** Stands for the value in the help. */
  readonly value: string;
  readonly env: string;
  /** As it would be written on the command line; undefined: no default. */
  readonly fallback: string | undefined;
  readonly about: string;
  /** On the command line it stands alone, and means yes. */
  readonly alone?: boolean;
  /** It may be given several times on the command line; elsewhere commas stand between. */
  readonly repeated?: boolean;
  readonly parse: ((text: string) => Result<Settings[K], string>) & { readonly words?: readonly string[] };
}

const text = (value: string): Result<string, string> => (value === '' ? err('is empty') : ok(value));

const wholeNumber =
  (from: number, to: number) =>
  (value: string): Result<number, string> => {
    const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
    return number >= from && number <= to ? ok(number) : err(`'${value}' is not a whole number from ${from} to ${to}`);
  };

const workerNumber = (value: string): Result<number | 'auto', string> =>
  value === 'auto' ? ok(value) : wholeNumber(1, 64)(value);

/** A reader, and the words it takes: completion offers them. */
function oneOf<T extends string>(...words: readonly T[]) {
  const read = (value: string): Result<T, string> => {
    const word = words.find((candidate) => candidate === value);
    return word === undefined ? err(`'${value}' is none of ${words.join(', ')}${didYouMean(value, words)}`) : ok(word);
  };
  return Object.assign(read, { words });
}

const YES_OR_NO = oneOf('yes', 'no');
const yesOrNo = Object.assign(
  (value: string): Result<boolean, string> => {
    const word = YES_OR_NO(value);
    return word.ok ? ok(word.value === 'yes') : word;
  },
  { words: YES_OR_NO.words },
);

const httpUrl = (value: string): Result<string, string> =>
  /^https?:$/.test(URL.parse(value)?.protocol ?? '') ? ok(value) : err(`'${value}' is no http or https address`);

const percent = (value: string): Result<number, string> => {
  const number = /^\d+(?:\.\d+)?$/.test(value) ? Number(value) : Number.NaN;
  return number <= 100 ? ok(number) : err(`'${value}' is not a share from 0 to 100`);
};

const share = (value: string): Result<number, string> => {
  const number = /^\d*\.?\d+$/.test(value) ? Number(value) : Number.NaN;
  return number <= 1 ? ok(number) : err(`'${value}' is not a share from 0 to 1, such as 0.05`);
};

const ipAddress = (value: string): Result<string, string> =>
  isIP(value) !== 0 ? ok(value) : value === 'localhost' ? ok('127.0.0.1') : err(`'${value}' is not an IP address`);

/** With commas between them: `10.0.0.0/8`, or single addresses. */
function networks(value: string): Result<readonly string[], string> {
  const all = list(value);
  if (!all.ok) return all;
  const bad = all.value.find((network) => !isNetwork(network));
  if (bad !== undefined) return err(`'${bad}' is no network, such as 10.0.0.0/8`);
  return all.value.length > 0 ? all : err('names no network');
}

function isNetwork(value: string): boolean {
  const [address = '', bits, ...more] = value.split('/');
  const version = value.includes('%') ? 0 : isIP(address);
  if (version === 0 || more.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}

/** `k=v,k2=v2`; '' for no labels at all. */
function labels(value: string): Result<Readonly<Record<string, string>>, string> {
  const entries: [string, string][] = [];
  for (const pair of value.split(',').filter((part) => part.trim() !== '')) {
    const equals = pair.indexOf('=');
    if (equals <= 0) return err(`'${pair}' is not of the form key=value`);
    entries.push([pair.slice(0, equals).trim(), pair.slice(equals + 1).trim()]);
  }
  return ok(Object.freeze(Object.fromEntries(entries)));
}

const list = (value: string): Result<readonly string[], string> =>
  ok(
    Object.freeze(
      value
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== ''),
    ),
  );

const spec = <K extends SettingKey>(
  key: K,
  value: string,
  fallback: string | undefined,
  about: string,
  parse: (text: string) => Result<Settings[K], string>,
): SettingSpec<K> => {
  const words = key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return { key, flag: words, value, env: `BANYAN_${words.replaceAll('-', '_').toUpperCase()}`, fallback, about, parse };
};

/** All settings, in the order of the help. */
export const SETTINGS: readonly SettingSpec[] = [
  spec('dir', 'DIR', undefined, 'the routes: DIR/<namespace>/**/*.yaml', text),
  spec('meshConfig', 'FILE', undefined, "settings of the whole gateway, by the names of Istio's MeshConfig", text),
  spec(
    'portOffset',
    'N',
    '0',
    'added to every Gateway port when it is bound, so that 80 needs no root',
    wholeNumber(0, 65535),
  ),
  spec('listenAddress', 'ADDRESS', '0.0.0.0', 'where Gateways listen that do not say so themselves', ipAddress),
  spec(
    'proxyProtocolFrom',
    'NETWORKS',
    undefined,
    'load balancers whose PROXY header is believed, with commas between them; not given: all',
    networks,
  ),
  spec('adminAddress', 'ADDRESS', '127.0.0.1', 'where the admin listener listens', ipAddress),
  spec('adminPort', 'PORT', '9901', 'port of the admin listener', wholeNumber(0, 65535)),
  spec('adminHosts', 'NAMES', '', 'further host names it may be called by, with commas between them', list),
  spec(
    'gatewayLabels',
    'K=V,…',
    'istio=ingressgateway,app=istio-ingressgateway',
    'labels that selectors of Gateways and policies are held against',
    labels,
  ),
  spec('gatewayNamespace', 'NAME', 'istio-system', 'namespace that the gateway itself runs in', text),
  spec('clusterDomain', 'DOMAIN', 'cluster.local', 'ending of the names of Services', text),
  spec(
    'allowLoopback',
    'WHEN',
    'auto',
    'may routes lead to loopback addresses: yes, no, or auto: when it listens on loopback',
    oneOf('auto', 'yes', 'no'),
  ),
  spec('logFormat', 'FORMAT', 'auto', 'json, text, or auto: text on a terminal', oneOf('auto', 'json', 'text')),
  spec('logLevel', 'LEVEL', 'info', 'debug, info, warn or error', oneOf('debug', 'info', 'warn', 'error')),
  spec('accessLog', 'FORMAT', 'json', 'json, text or off', oneOf('json', 'text', 'off')),
  spec('accessLogFile', 'FILE', undefined, 'instead of standard output', text),
  spec(
    'accessLogSampling',
    'SHARE',
    '1',
    'share of the requests that are logged, 0 to 1; failed and refused ones always are',
    share,
  ),
  spec('fastLane', 'WHEN', 'yes', 'let ordinary HTTP/1.1 requests go past Fastify: yes or no', yesOrNo),
  spec(
    'interimOverHttp1',
    'WHEN',
    'yes',
    'pass interim answers of services (102, 103) on to clients of HTTP/1.1 too: yes or no',
    yesOrNo,
  ),
  spec('istioMetrics', 'WHEN', 'no', "show Istio's standard metrics too: yes or no", yesOrNo),
  spec('drainSeconds', 'N', '30', 'how long requests under way may take when it stops', wholeNumber(0, 3600)),
  spec(
    'workers',
    'N',
    'auto',
    'processes that serve: a number, or auto: one per core; 1: this process itself',
    workerNumber,
  ),
  spec('maxFileMib', 'N', '10', 'larger files are refused unread', wholeNumber(1, 1024)),
  spec('redisUrl', 'URL', undefined, 'Redis that shares rate limits among replicas', text),
  {
    ...spec('plugin', 'FILE', '', "a plugin of the network team's own: a file or a package; may be repeated", list),
    repeated: true,
  },
  spec('otlpEndpoint', 'URL', undefined, 'OpenTelemetry collector that spans are sent to, over OTLP/HTTP', httpUrl),
  spec('traceSampling', 'PERCENT', '1', 'share of the traces that begin here', percent),
  { ...spec('kubernetes', '', 'no', 'read the objects of the Kubernetes cluster too', yesOrNo), alone: true },
  spec('kubeconfig', 'FILE', undefined, 'how to reach the cluster, where KUBECONFIG and the Pod do not say it', text),
  spec('namespaceSelector', 'LABELS', undefined, 'objects count only of namespaces with these labels', text),
  spec('stateDir', 'DIR', undefined, 'where what is served is saved, Secrets among it', text),
  spec('writeStatus', 'WHEN', 'yes', 'write the status of objects of the cluster: yes or no', yesOrNo),
  spec('admissionPort', 'PORT', '0', 'where the admission webhook listens; 0: nowhere', wholeNumber(0, 65535)),
  spec('admissionCerts', 'DIR', undefined, 'its tls.crt and tls.key, read again when they change', text),
  ...LIMIT_SETTINGS.map(({ key, fallback, from, to, about }) =>
    spec(key, 'N', String(fallback), about, wholeNumber(from, to)),
  ),
];

export const settingSpec = (key: SettingKey): SettingSpec =>
  SETTINGS.find((candidate) => candidate.key === key) as SettingSpec;

export function didYouMean(word: string, known: Iterable<string>): string {
  const guess = nearest(word, known);
  return guess === undefined ? '' : `; did you mean ${guess}?`;
}
