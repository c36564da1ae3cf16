import type { Compilation } from '../compiler/compilation.ts';
import { findingText } from '../control/finding-text.ts';
import {
  CATALOGUE,
  type CatalogueEntry,
  type Diagnostic,
  type DiagnosticCode,
  formatFieldPath,
  formatObjectRef,
} from '../diagnostics/index.ts';
import { type DecodedObject, decodeObject, type Resource, type ResourceSet, withObject } from '../resources/index.ts';

/** What the API server asks: AdmissionReview.request, as far as it is used. */
export interface AdmissionRequest {
  readonly uid: string;
  readonly namespace?: string;
  readonly object?: unknown;
}

export interface AdmissionAnswer {
  readonly allowed: boolean;
  /** Why not. */
  readonly message: string;
  /** What kubectl prints although it is allowed. */
  readonly warnings: readonly string[];
}

export type Reviewer = (request: AdmissionRequest) => AdmissionAnswer;

export interface ReviewerOptions {
  /** The gateway's own compiler: a second one would remember all routes a second time. It takes what is tried for one more edit. */
  readonly compile: (resources: ResourceSet) => Compilation;
  /** What is in service; undefined: nothing yet. */
  readonly resources: () => ResourceSet | undefined;
}

interface Findings {
  readonly worth: readonly Diagnostic[];
  /** Of the object, and not there before: an edit of what is unsafe already is no worse. */
  readonly unsafe: readonly Diagnostic[];
}

/** The API server cuts warnings off at 256 bytes each and 4,096 in all. */
const MOST_WARNINGS = 10;
const MOST_CHARACTERS = 240;
const MOST_MESSAGE = 3_000;

/**
 * Judges an object as the gateway will. Refused is what the gateway would not apply, and what is unsafe though Istio takes
 * it; whatever else the compiler finds when the object takes its place among all others is a warning, since a route that meets another team's is no reason
 * to keep anybody from deploying.
 */
export function createReviewer({ compile, resources }: ReviewerOptions): Reviewer {
  const findingsAbout = (decoded: DecodedObject): Findings => {
    const { resource } = decoded;
    const before = resources();
    if (resource === undefined || before === undefined) return { worth: decoded.diagnostics, unsafe: [] };
    const known = new Set(compile(before).diagnostics.map(identity));
    const after = compile(withObject(before, resource)).diagnostics;
    const isNew = (finding: Diagnostic): boolean => !known.has(identity(finding));
    return {
      worth: [...decoded.diagnostics, ...after.filter((finding) => isAbout(finding, resource) || isNew(finding))],
      unsafe: after.filter((finding) => isUnsafe(finding) && isAbout(finding, resource) && isNew(finding)),
    };
  };
  return ({ object, namespace }) => {
    const decoded = decodeObject(object, ORIGIN, namespace);
    const refusals = decoded.diagnostics.filter(({ refused }) => refused);
    if (refusals.length > 0)
      return { allowed: false, message: cut(refusals.map(textOf).join('; '), MOST_MESSAGE), warnings: [] };
    const { worth, unsafe } = findingsAbout(decoded);
    if (unsafe.length > 0)
      return { allowed: false, message: cut(unsafe.map(textOf).join('; '), MOST_MESSAGE), warnings: [] };
    const told = worth.filter(({ severity }) => severity !== 'hint');
    return { allowed: true, message: '', warnings: warningsOf(told, decoded.resource) };
  };
}

const PLACE = Object.freeze({ file: '', line: 1, column: 1 });
const ORIGIN = { file: '', locate: () => PLACE };

const isAbout = ({ object }: Diagnostic, { ref }: Resource): boolean =>
  object !== undefined && formatObjectRef(object) === formatObjectRef(ref);

const isUnsafe = ({ code }: Diagnostic): boolean => {
  const { refusedAtAdmission }: CatalogueEntry = CATALOGUE[code as DiagnosticCode];
  return refusedAtAdmission === true;
};

const identity = ({ code, message, object, field }: Diagnostic): string =>
  [code, message, object && formatObjectRef(object), formatFieldPath(field ?? [])].join('\n');

const textOf = (finding: Diagnostic): string =>
  `${findingText(finding)}${finding.remedy.startsWith('Did you mean') ? `. ${finding.remedy}` : ''}`;

function warningsOf(findings: readonly Diagnostic[], about: Resource | undefined): readonly string[] {
  const lines = findings.map((finding) => {
    const other = about !== undefined && finding.object !== undefined && !isAbout(finding, about);
    const whose = other ? `${formatObjectRef(finding.object as NonNullable<typeof finding.object>)}: ` : '';
    const witness = finding.witness === undefined ? '' : `; as ${finding.witness}`;
    return cut(`${whose}${textOf(finding)}${witness}`, MOST_CHARACTERS);
  });
  if (lines.length <= MOST_WARNINGS) return lines;
  return [...lines.slice(0, MOST_WARNINGS - 1), `and ${lines.length - MOST_WARNINGS + 1} more findings`];
}

const cut = (text: string, most: number): string => (text.length <= most ? text : `${text.slice(0, most - 1)}…`);
