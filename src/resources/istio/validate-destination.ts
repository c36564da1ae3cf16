import type { FieldPath } from '../../diagnostics/index.ts';
import { inQuotes } from '../describe.ts';
import type { Findings } from '../findings.ts';
import type { Destination, RouteDestination } from '../generated/virtual-service.ts';
import { isDnsLabel } from './names.ts';
import { checkPort, checkWildcardDomain } from './validate-common.ts';

/** One destination of a rule or a mirror (istio-semantics §10.3). */
export function validateDestination(destination: Destination | undefined, path: FieldPath, findings: Findings): void {
  if (destination === undefined) return;
  if (destination.host === '*') findings.error([...path, 'host'], 'A destination must name one host, not `*`.');
  else checkWildcardDomain(destination.host, [...path, 'host'], findings);
  if (destination.subset !== undefined && destination.subset !== '')
    checkSubsetName(destination.subset, [...path, 'subset'], findings);
  if (destination.port !== undefined) checkPort(destination.port.number, [...path, 'port', 'number'], findings);
}

export function checkSubsetName(name: string | undefined, path: FieldPath, findings: Findings): void {
  if (name === undefined || name === '') findings.missing(path, 'A subset must have a name.');
  else if (!isDnsLabel(name))
    findings.error(path, `The subset name ${inQuotes(name)} is no DNS label of letters, digits and inner dashes.`);
}

/** The destinations of one rule, and that their weights come to something. */
export function validateWeights(destinations: readonly RouteDestination[], path: FieldPath, findings: Findings): void {
  for (const [index, { destination, weight = 0 }] of destinations.entries()) {
    validateDestination(destination, [...path, index, 'destination'], findings);
    if (weight < 0) findings.error([...path, index, 'weight'], `A weight cannot be negative, as ${weight} is.`);
  }
  if (destinations.length > 1 && destinations.reduce((sum, { weight = 0 }) => sum + weight, 0) === 0) {
    findings.error(path, 'With several destinations at least one must have a weight above 0.');
  }
}
