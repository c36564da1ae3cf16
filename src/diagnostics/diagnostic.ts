/** error: some caller gets another answer than was configured. warning: the answer stands, but something is ignored. hint: all is well, but look. */
export type Severity = 'error' | 'warning' | 'hint';

export interface SourceLocation {
  /** Path relative to the source's root, with forward slashes; for a cluster object `kind/namespace/name`. */
  readonly file: string;
  /** From 1; 0: an object of a cluster, which has no lines. */
  readonly line: number;
  /** From 1, in UTF-16 code units. */
  readonly column: number;
}

/** `shop/cart.yaml:7`; of an object of a cluster `VirtualService shop/cart`, as everywhere else. */
export const formatPlace = ({ file, line }: Pick<SourceLocation, 'file' | 'line'>): string =>
  line === 0 ? file.replace('/', ' ') : `${file}:${line}`;

/** A place in an object: `['spec', 'http', 0, 'match']`. */
export type FieldPath = readonly (string | number)[];

/** `spec.http[0].match`, as people and kubectl write it. Keys that are no plain word are quoted: `metadata.labels["a.b/c"]`. */
export function formatFieldPath(path: FieldPath): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    if (/^[A-Za-z_][\w-]*$/.test(part)) return text === '' ? part : `${text}.${part}`;
    return `${text}[${JSON.stringify(part)}]`;
  }, '');
}

/** Which object, by kind, namespace and name; cluster-scoped kinds have the namespace ''. */
export interface ObjectRef {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

export const formatObjectRef = (ref: ObjectRef): string =>
  `${ref.kind} ${ref.namespace === '' ? '' : `${ref.namespace}/`}${ref.name}`;

/** Another place that has to do with a finding: the rule that wins, the claim that forbids. */
export interface RelatedPlace {
  readonly message: string;
  readonly object?: ObjectRef;
  readonly location?: SourceLocation;
}

/** One finding about a team's file, complete enough to act on without asking anybody. */
export interface Diagnostic {
  /** Stable; listed in `catalogue.ts`. */
  readonly code: string;
  readonly severity: Severity;
  /** What is wrong, with the value that is wrong. */
  readonly message: string;
  /** What happens to traffic because of it. */
  readonly consequence: string;
  /** What to do next. */
  readonly remedy: string;
  readonly object?: ObjectRef;
  readonly field?: FieldPath;
  readonly location?: SourceLocation;
  /** True where the whole document is not applied because of this finding. */
  readonly refused: boolean;
  readonly related?: readonly RelatedPlace[];
  /** A request that shows the finding: `GET http://shop.example.com/v1/cart`. */
  readonly witness?: string;
}
