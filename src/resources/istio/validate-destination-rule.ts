import { inQuotes } from '../describe.ts';
import type { Findings } from '../findings.ts';
import type { DestinationRuleBody } from '../generated/destination-rule.ts';
import { checkExportTo, checkLabels, checkSelector, checkWildcardDomain } from './validate-common.ts';
import { checkSubsetName } from './validate-destination.ts';
import { validateMetadata } from './validate-metadata.ts';
import { validateTrafficPolicy } from './validate-traffic-policy.ts';

/** istio-semantics §10.4. */
export function validateDestinationRule(body: DestinationRuleBody, findings: Findings, namespace: string): void {
  validateMetadata(body, findings);
  const { host, trafficPolicy, subsets = [], exportTo, workloadSelector } = body.spec;
  checkWildcardDomain(host, ['spec', 'host'], findings);
  validateTrafficPolicy(trafficPolicy, namespace, ['spec', 'trafficPolicy'], findings);
  const names = new Set<string>();
  for (const [index, subset] of subsets.entries()) {
    const path = ['spec', 'subsets', index];
    const { name = '' } = subset;
    checkSubsetName(name, [...path, 'name'], findings);
    if (names.has(name)) findings.error([...path, 'name'], `Two subsets are named ${inQuotes(name)}.`);
    names.add(name);
    checkLabels(subset.labels, [...path, 'labels'], findings);
    validateTrafficPolicy(subset.trafficPolicy, namespace, [...path, 'trafficPolicy'], findings);
  }
  checkExportTo(exportTo, namespace, findings, workloadSelector === undefined ? 'other' : 'selected-destination-rule');
  if (workloadSelector !== undefined)
    checkSelector(workloadSelector.matchLabels, ['spec', 'workloadSelector', 'matchLabels'], findings);
}
