import type { Labels } from './names.ts';

export interface Locality {
  readonly region: string;
  readonly zone: string;
  readonly subzone: string;
}

/** `region/zone/subzone`, what comes later may be missing. */
export function parseLocality(text: string): Locality {
  const [region = '', zone = '', subzone = ''] = text.split('/');
  return { region, zone, subzone };
}

export const REGION = 'topology.kubernetes.io/region';
export const ZONE = 'topology.kubernetes.io/zone';
export const SUBZONE = 'topology.istio.io/subzone';
export const NETWORK = 'topology.istio.io/network';
export const NODE = 'kubernetes.io/hostname';
const LOCALITY = 'istio-locality';

/** What a workload's own label says of where it is, '' where it has none; slashes stand as dots in a label's value. */
export function localityLabel(labels: Labels): string {
  const label = labels[LOCALITY] ?? '';
  return label.includes('/') ? label : label.replaceAll('.', '/');
}

/** Of a Pod, whose topology labels say where its node is. */
export const localityOfPod = (labels: Labels): string =>
  localityLabel(labels) ||
  [labels[REGION], labels[ZONE], labels[SUBZONE]].filter((part) => part !== undefined && part !== '').join('/');

/** Labels that Istio gives to every endpoint from its locality, so that failoverPriority may name them. */
export function withLocalityLabels(labels: Labels, locality: string): Labels {
  if (locality === '') return labels;
  const { region, zone, subzone } = parseLocality(locality);
  return {
    ...labels,
    [REGION]: region,
    ...(zone !== '' && { [ZONE]: zone }),
    ...(subzone !== '' && { [SUBZONE]: subzone }),
  };
}
