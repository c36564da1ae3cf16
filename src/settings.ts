import { readFileSync } from 'node:fs';
import path from 'node:path';
import { reasonOf } from './kernel/reason-of.ts';
import { err, ok, type Result } from './kernel/result.ts';
import {
  didYouMean,
  SETTINGS,
  type SettingKey,
  type SettingSpec,
  type Settings,
  settingSpec,
} from './settings/table.ts';

export { LIMIT_SETTINGS, type LimitSettings } from './settings/limits.ts';
export {
  didYouMean,
  SETTINGS,
  type SettingKey,
  type Settings,
  settingSpec,
} from './settings/table.ts';

/* The only file that reads the environment. */

/** Where the settings file is named, besides `--settings`. */
const FILE_VARIABLE = 'BANYAN_SETTINGS';

/** In the directory of routes itself: what its routes come to should not depend on who looks at them. */
const DIRECTORY_FILE = '.banyan.yaml';
const OF_DIRECTORY: readonly SettingKey[] = ['meshConfig', 'gatewayLabels', 'gatewayNamespace', 'clusterDomain'];

export interface SettingsInput {
  /** As given on the command line, by key. */
  readonly flags: Readonly<Partial<Record<SettingKey, string>>>;
  /** `--settings`. */
  readonly file?: string | undefined;
  /** Instead of the usual defaults. */
  readonly defaults?: Readonly<Partial<Record<SettingKey, string>>>;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** For tests; throws as `readFileSync` does. */
  readonly readFile?: (file: string) => string;
}

export interface SettingsOutcome {
  readonly settings: Settings;
  /** Worth a line on standard error; nothing is changed because of them. */
  readonly warnings: readonly string[];
}

/**
 * The settings, or everything that is wrong with what was given, each with the name it was given by. The file
 * `.banyan.yaml` of the directory of routes comes after every other, but for the defaults.
 */
export async function loadSettings(input: SettingsInput): Promise<Result<SettingsOutcome, readonly string[]>> {
  const env = input.env ?? process.env;
  const readFile = input.readFile ?? readUtf8;
  const errors: string[] = [];
  const keys = SETTINGS.map((setting) => setting.key);
  const file = input.file ?? nonEmpty(env[FILE_VARIABLE]);
  const fromFile = file === undefined ? NO_VALUES : await readSettingsFile(file, keys, readFile, errors);
  const { values: fromEnv, warnings } = readEnvironment(env);
  const dir = firstGiven(settingSpec('dir'), input, [fromEnv, fromFile])?.text;
  const ofDirectory = dir === undefined ? NO_VALUES : await readDirectoryFile(dir, readFile, errors);
  const values: Partial<Record<SettingKey, unknown>> = {};
  for (const setting of SETTINGS) {
    const given = firstGiven(setting, input, [fromEnv, fromFile, ofDirectory]);
    if (given === undefined) continue;
    const parsed = setting.parse(given.text);
    if (parsed.ok) values[setting.key] = parsed.value;
    else errors.push(`${given.from}: ${parsed.error}`);
  }
  return errors.length > 0 ? err(errors) : ok({ settings: Object.freeze(values) as Settings, warnings });
}

/** Where the API server of the cluster is that this process runs in; undefined: it runs in none. */
export function clusterApiServer(
  env: Readonly<Record<string, string | undefined>> = process.env,
): { readonly address: string; readonly port: number } | undefined {
  const address = nonEmpty(env['KUBERNETES_SERVICE_HOST']);
  return address === undefined ? undefined : { address, port: Number(env['KUBERNETES_SERVICE_PORT'] ?? 443) };
}

/** What a worker's process inherits: no settings, which it is told, and no way to a cluster's credentials (edge-security §3). */
export const workerEnvironment = (
  env: Readonly<Record<string, string | undefined>> = process.env,
): Record<string, string | undefined> =>
  Object.fromEntries(Object.entries(env).filter(([name]) => name !== 'KUBECONFIG' && !name.startsWith('BANYAN_')));

interface Given {
  readonly text: string;
  /** What the user would look for: the flag, the variable, the place in the file. */
  readonly from: string;
}
type Values = ReadonlyMap<SettingKey, Given>;
const NO_VALUES: Values = new Map();

function firstGiven(
  setting: SettingSpec,
  { flags, defaults }: SettingsInput,
  sources: readonly Values[],
): Given | undefined {
  const flag = flags[setting.key];
  if (flag !== undefined) return { text: flag, from: `--${setting.flag}` };
  for (const source of sources) {
    const given = source.get(setting.key);
    if (given !== undefined) return given;
  }
  const fallback = defaults?.[setting.key] ?? setting.fallback;
  return fallback === undefined ? undefined : { text: fallback, from: `default of --${setting.flag}` };
}

/** Kubernetes sets such variables for a Service that happens to be called `banyan…`; they are not meant for us. */
const SERVICE_LINK = /_(SERVICE_(HOST|PORT)(_\w+)?|PORT|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$/;
const SERVICE_LINK_VALUE = /^(tcp|udp|sctp):\/\//;

function readEnvironment(env: Readonly<Record<string, string | undefined>>): {
  readonly values: Values;
  readonly warnings: readonly string[];
} {
  const values = new Map<SettingKey, Given>();
  const warnings: string[] = [];
  const known = [...SETTINGS.map((setting) => setting.env), FILE_VARIABLE];
  for (const setting of SETTINGS) {
    const value = env[setting.env];
    if (value === undefined || value === '' || SERVICE_LINK_VALUE.test(value)) continue;
    values.set(setting.key, { text: value, from: setting.env });
  }
  for (const name of Object.keys(env)) {
    if (!name.startsWith('BANYAN_') || known.includes(name) || SERVICE_LINK.test(name)) continue;
    warnings.push(`${name} is not a setting and is ignored${didYouMean(name, known)}`);
  }
  return { values, warnings };
}

/** `.banyan.yaml`, where there is one; a mesh configuration is looked for beside it. */
async function readDirectoryFile(dir: string, readFile: (file: string) => string, errors: string[]): Promise<Values> {
  const file = path.join(dir, DIRECTORY_FILE);
  try {
    readFile(file);
  } catch {
    // Most directories have none; one that cannot be read at all is reported when its routes are.
    return NO_VALUES;
  }
  const values = await readSettingsFile(file, OF_DIRECTORY, readFile, errors);
  const mesh = values.get('meshConfig');
  return mesh === undefined
    ? values
    : new Map([...values, ['meshConfig', { ...mesh, text: path.resolve(dir, mesh.text) }]]);
}

async function readSettingsFile(
  file: string,
  keys: readonly SettingKey[],
  readFile: (file: string) => string,
  errors: string[],
): Promise<Values> {
  let content: string;
  try {
    content = readFile(file);
  } catch (error) {
    errors.push(`the settings file ${file} cannot be read: ${reasonOf(error)}`);
    return NO_VALUES;
  }
  // Loaded only when a file is given: whoever passes flags alone need not wait for the parser.
  const { LineCounter, parseDocument } = await import('yaml');
  const lines = new LineCounter();
  const document = parseDocument(content, { lineCounter: lines, prettyErrors: false });
  for (const problem of document.errors)
    errors.push(`${file}:${lines.linePos(problem.pos[0]).line}: ${problem.message}`);
  if (document.errors.length > 0) return NO_VALUES;
  const body: unknown = document.toJS({ maxAliasCount: 10 }) ?? {};
  if (typeof body !== 'object' || Array.isArray(body)) {
    errors.push(`${file}: must be a mapping of settings, such as 'portOffset: 8000'`);
    return NO_VALUES;
  }
  const lineOf = (key: string): number =>
    lines.linePos((document.get(key, true) as { range?: [number] } | undefined)?.range?.[0] ?? 0).line;
  return fileValues(body as Record<string, unknown>, keys, (key) => `${file}:${lineOf(key)}: ${key}`, errors);
}

function fileValues(
  body: Readonly<Record<string, unknown>>,
  keys: readonly SettingKey[],
  place: (key: string) => string,
  errors: string[],
): Values {
  const values = new Map<SettingKey, Given>();
  for (const [key, value] of Object.entries(body)) {
    const known = keys.find((candidate) => candidate === key);
    if (known === undefined)
      errors.push(`${place(key)} is not a setting${keys === OF_DIRECTORY ? ' of routes' : ''}${didYouMean(key, keys)}`);
    else if (value !== null) values.set(known, { text: asFlagText(value, settingSpec(known)), from: place(key) });
  }
  return values;
}

/** A list or a mapping says the same as its form on the command line. */
function asFlagText(value: unknown, { parse }: SettingSpec): string {
  if (typeof value === 'boolean' && parse.words?.includes('yes') === true) return value ? 'yes' : 'no';
  if (Array.isArray(value)) return value.join(',');
  if (typeof value === 'object' && value !== null)
    return Object.entries(value)
      .map(([key, part]) => `${key}=${part}`)
      .join(',');
  return String(value);
}

const readUtf8 = (file: string): string => readFileSync(file, 'utf8');
const nonEmpty = (value: string | undefined): string | undefined => (value === '' ? undefined : value);
