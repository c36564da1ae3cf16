import { formatPlace, type ObjectRef, type SourceLocation } from '../../diagnostics/diagnostic.ts';
import type { ResourceKind } from '../../resources/kinds.ts';
import type { ResourceSet } from '../../resources/set.ts';

/** One value of a layered policy, with the layer and the file it comes from. */
export interface ExplainedValue {
  /** `bodyBytes`, `headers.x-frame-options`. */
  readonly name: string;
  readonly value: unknown;
  readonly layer: string;
  readonly level: string;
  readonly source: ExplainedSource;
  /** As long as one of them lasts, the value does not hold. */
  readonly exemptions: readonly {
    readonly until: string;
    /** It lifts nothing any more. */
    readonly expired: boolean;
    readonly approver: string;
    readonly source: ExplainedSource;
  }[];
}

export interface ExplainedSource {
  readonly object: string;
  readonly place: string;
}

interface Layered {
  readonly value: unknown;
  readonly layer: string;
  readonly level: string;
  readonly from: ObjectRef;
  readonly exemptions?: readonly { readonly untilMs: number; readonly approver: string; readonly from: ObjectRef }[];
}

const isLayered = (part: object): part is Layered => 'value' in part && 'layer' in part && 'from' in part;

/** How a choice between layers is written; not a part of a value's name. */
const CHOICE: ReadonlySet<string> = new Set(['mandatory', 'otherwise']);

/** Every layered value in the settings of a filter; none where a filter has no layers. */
export function valuesIn(settings: unknown, resources: ResourceSet, nowMs: number): readonly ExplainedValue[] {
  const found: ExplainedValue[] = [];
  const visit = (part: unknown, name: readonly string[]): void => {
    if (typeof part !== 'object' || part === null) return;
    if (isLayered(part)) found.push(explained(part, name.join('.'), resources, nowMs));
    else if (Array.isArray(part)) for (const each of part) visit(each, name);
    else for (const [key, value] of Object.entries(part)) visit(value, CHOICE.has(key) ? name : [...name, key]);
  };
  visit(settings, []);
  return found;
}

const explained = (
  { value, layer, level, from, exemptions = [] }: Layered,
  name: string,
  resources: ResourceSet,
  nowMs: number,
): ExplainedValue => ({
  name,
  value,
  layer,
  level,
  source: sourceOf(from, resources),
  exemptions: exemptions.map(({ untilMs, approver, from: exemption }) => ({
    until: new Date(untilMs).toISOString(),
    expired: untilMs <= nowMs,
    approver,
    source: sourceOf(exemption, resources),
  })),
});

export function sourceOf(ref: ObjectRef, resources: ResourceSet): ExplainedSource {
  const objects = resources.ofKind(ref.kind as ResourceKind);
  const found = objects.find((object) => object.ref.namespace === ref.namespace && object.ref.name === ref.name);
  return {
    object: `${ref.kind} ${ref.namespace}/${ref.name}`,
    place: found === undefined ? '' : formatPlace(found.origin.locate([]) as SourceLocation),
  };
}
