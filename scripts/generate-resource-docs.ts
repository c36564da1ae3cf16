import { KIND_SUPPORT } from '../src/resources/kind-support.ts';
import { meshConfigSchema, UNREAD_MESH_FIELDS } from '../src/resources/mesh-config.schema.ts';
import { meshConfigSupport } from '../src/resources/mesh-config.support.ts';
import { KINDS } from '../src/resources/registry.ts';
import type { JsonSchema } from '../src/resources/schema.ts';
import { type FieldSupport, type KindSupport, type MessageSupport, OBJECT_META } from '../src/resources/support.ts';

/** One page: a schema, and what becomes of its fields. */
interface Page {
  readonly title: string;
  readonly apiVersions: readonly string[];
  readonly schema: JsonSchema;
  readonly support: KindSupport;
}

/** A field as its message has it: `http` of `VirtualServiceSpec`. */
export interface Field {
  readonly name: string;
  readonly schema: JsonSchema;
  readonly required: boolean;
}

/** What every object has, whatever its kind; a kind whose `status` is read says so. */
const COMMON_FIELDS: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata']);
const isCommon = (name: string, schema: JsonSchema): boolean =>
  COMMON_FIELDS.has(name) || (name === 'status' && schema.$ref === undefined);

const META_PAGE = 'metadata.md';

export const pages = (): readonly Page[] => [
  ...Object.entries(KINDS).map(([kind, { schema, apiVersions }]) => ({
    title: kind,
    apiVersions,
    schema,
    support: KIND_SUPPORT[kind as keyof typeof KINDS],
  })),
  { title: 'MeshConfig', apiVersions: [], schema: meshConfigSchema, support: meshConfigSupport },
];

/** `docs/resources/*.md`: path → content. */
export function resourcePages(): ReadonlyMap<string, string> {
  const all = pages();
  const files = new Map(all.map((page) => [pathOf(page.title), pageOf(page)]));
  files.set('docs/resources/README.md', indexOf(all));
  files.set(`docs/resources/${META_PAGE}`, metaPage());
  return files;
}

const fileOf = (kind: string): string => `${kind.replace(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase()}.md`;
const pathOf = (kind: string): string => `docs/resources/${fileOf(kind)}`;

/* ------------------------------------------------------------------------------ what a schema has */

/** Every message of a page with its fields; a message within another that has no name of its own stands under that one. */
export function messagesOf({ title, schema }: Pick<Page, 'title' | 'schema'>): ReadonlyMap<string, readonly Field[]> {
  const messages = new Map<string, readonly Field[]>();
  const top = fieldsOf(schema).filter(
    (field) => !isCommon(field.name, field.schema) && !isOwnSpec(title, field.name, schema),
  );
  if (top.length > 0) messages.set(title, top);
  for (const [name, definition] of Object.entries(schema.definitions ?? {})) {
    if (name !== 'ObjectMeta') messages.set(name, fieldsOf(definition));
  }
  return messages;
}

const isOwnSpec = (title: string, name: string, schema: JsonSchema): boolean =>
  name === 'spec' && schema.definitions?.[`${title}Spec`] !== undefined && schema.required?.includes('spec') === true;

function fieldsOf(schema: JsonSchema, under = ''): readonly Field[] {
  const own = Object.entries(schema.properties ?? {}).flatMap(([name, field]) => [
    { name: under + name, schema: field, required: schema.required?.includes(name) === true },
    ...fieldsOf(field, `${under}${name}.`),
    ...(field.items === undefined ? [] : fieldsOf(field.items, `${under}${name}[].`)),
  ]);
  return [...own, ...(schema.anyOf ?? []).flatMap((part) => fieldsOf(part, under))];
}

/** Where in an object each message stands: `spec.http[].match[]`. */
function placesOf({ schema }: Page): ReadonlyMap<string, readonly string[]> {
  const places = new Map<string, string[]>();
  const visit = (part: JsonSchema, path: string, above: readonly string[]): void => {
    const name = part.$ref?.slice('#/definitions/'.length);
    if (name !== undefined) {
      if (above.includes(name)) return;
      places.set(name, [...(places.get(name) ?? []), path]);
      visit(schema.definitions?.[name] ?? {}, path, [...above, name]);
      return;
    }
    for (const [field, inner] of Object.entries(part.properties ?? {})) {
      if (part === schema && isCommon(field, inner)) continue;
      visit(inner, path === '' ? field : `${path}.${field}`, above);
    }
    if (part.items !== undefined) visit(part.items, `${path}[]`, above);
    if (typeof part.additionalProperties === 'object') visit(part.additionalProperties, `${path}.*`, above);
    for (const choice of part.anyOf ?? []) visit(choice, path, above);
  };
  visit(schema, '', []);
  return places;
}

/* ------------------------------------------------------------------------------ how it is written */

const BANNER =
  '<!-- Generated from the schemas and src/resources/**/*.support.ts by scripts/generate-resources.ts; not to be edited. -->';
const HEAD = '| field | type | meaning | here |\n|---|---|---|---|';

function pageOf(page: Page): string {
  const { title, apiVersions, support } = page;
  const places = placesOf(page);
  const sections = [...messagesOf(page)].map(([name, fields]) => {
    const at = name === title ? [] : (places.get(name) ?? []);
    const rows = fields.map((field) => row(field, supportOf(support.messages, name, field.name)));
    return [`## ${name}`, '', ...(at.length > 0 ? [`At ${listed(at)}.`, ''] : []), HEAD, ...rows, ''].join('\n');
  });
  return [
    `# ${title}`,
    '',
    BANNER,
    '',
    support.about,
    '',
    ...(apiVersions.length === 0
      ? []
      : [`\`apiVersion\`: ${apiVersions.map(code).join(', ')}. Of \`metadata\` see [metadata](${META_PAGE}).`, '']),
    ...sections,
    ...(title === 'MeshConfig' ? [unreadSettings()] : []),
  ].join('\n');
}

const SHOWN_PLACES = 3;

/** A message that many fields use is not followed everywhere. */
const listed = (places: readonly string[]): string =>
  places.length <= SHOWN_PLACES
    ? places.map(code).join(', ')
    : `${places.slice(0, SHOWN_PLACES).map(code).join(', ')} and ${places.length - SHOWN_PLACES} more`;

function row({ name, schema, required }: Field, support: FieldSupport): string {
  const meaning = support.meaning === '' ? (schema.description ?? '') : support.meaning;
  const cells = [code(name), typeOf(schema) + (required ? ', required' : ''), meaning, verdict(support)];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function verdict(support: FieldSupport): string {
  const more = support.note === undefined ? '' : `; ${support.note}`;
  switch (support.kind) {
    case 'supported':
      return `supported${more}`;
    case 'differs':
      return `differs: ${support.note}`;
    case 'not-at-an-ingress':
      return `not at an ingress${more}`;
    case 'ignored':
      return `ignored (${support.reported === undefined ? 'not reported' : `reported as \`${support.reported}\``})${more}`;
  }
}

function supportOf(messages: MessageSupport, message: string, field: string): FieldSupport {
  const found = messages[message]?.[field];
  if (found === undefined) throw new Error(`nothing is said of the field ${field} of ${message}: see *.support.ts`);
  return found;
}

function typeOf(schema: JsonSchema): string {
  const { $ref, type, items, additionalProperties, format, enum: words } = schema;
  if ($ref !== undefined) {
    const name = $ref.slice('#/definitions/'.length);
    return `[${name}](#${name.toLowerCase()})`;
  }
  if (schema.anyOf !== undefined) return [...new Set(schema.anyOf.map(typeOf))].join(' or ');
  if (words !== undefined) return words.map(code).join(', ');
  if (type === 'array') return `list of ${typeOf(items ?? {})}`;
  if (type === 'object' && typeof additionalProperties === 'object') return `map to ${typeOf(additionalProperties)}`;
  return format ?? type ?? 'any';
}

const code = (text: string): string => `\`${text}\``;

const unreadSettings = (): string =>
  [
    '## Other settings of Istio',
    '',
    `Ignored (reported as \`unread-mesh-setting\`): ${UNREAD_MESH_FIELDS.map(code).join(', ')}. A name that MeshConfig does not have`,
    'is reported as `unknown-mesh-setting`.',
    '',
  ].join('\n');

/** Whatever the kind. */
function metaPage(): string {
  const schema = KINDS.Gateway.schema.definitions?.['ObjectMeta'] ?? {};
  const rows = fieldsOf(schema).map((field) => row(field, supportOf(OBJECT_META, 'ObjectMeta', field.name)));
  const about =
    'What every object has: `apiVersion` and `kind` say what it is, `status` is written by the gateway and never read.';
  return ['# metadata', '', BANNER, '', about, '', HEAD, ...rows, ''].join('\n');
}

function indexOf(all: readonly Page[]): string {
  const rows = all.map((page) => {
    const fields = [...messagesOf(page)].flatMap(([message, list]) =>
      list.map(({ name }) => supportOf(page.support.messages, message, name).kind),
    );
    const count = (kind: FieldSupport['kind']): number => fields.filter((one) => one === kind).length;
    const counts = [count('supported'), count('differs'), count('not-at-an-ingress'), count('ignored')];
    return `| [${page.title}](${fileOf(page.title)}) | ${counts.join(' | ')} |`;
  });
  return [
    '# Resources',
    '',
    BANNER,
    '',
    'Every kind that is read, with every field: **supported** as Istio or Kubernetes has it; **differs**, and how; **not at an',
    'ingress**, where Istio’s own ingress gateway does nothing with it either; **ignored**, with the diagnostic that says so. A',
    'field that a kind of Istio’s or ours does not have is refused (`unknown-field`), so nothing is ignored by a slip of the pen.',
    '',
    '| kind | supported | differs | not at an ingress | ignored |',
    '|---|---|---|---|---|',
    ...rows,
    '',
    `Of every object: [metadata](${META_PAGE}). How far answers agree with Istio’s, and how to see it yourself: [istio](../istio.md).`,
    '',
  ].join('\n');
}
