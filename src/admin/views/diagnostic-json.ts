import { type Diagnostic, formatFieldPath, formatObjectRef, type RelatedPlace } from '../../diagnostics/index.ts';

/** A finding as programs read it: flat, with its field as text. The same from `banyan check` and from the admin listener. */
export function diagnosticJson(finding: Diagnostic) {
  const { code, severity, message, consequence, remedy, refused, object, field, location, related, witness } = finding;
  return {
    severity,
    code,
    message,
    file: location?.file,
    line: location?.line,
    column: location?.column,
    field: field === undefined ? undefined : formatFieldPath(field),
    refused,
    object: object === undefined ? undefined : formatObjectRef(object),
    consequence,
    remedy,
    witness,
    related: related?.map(relatedJson),
  };
}

const relatedJson = ({ message, object, location }: RelatedPlace) => ({
  message,
  object: object === undefined ? undefined : formatObjectRef(object),
  ...location,
});
