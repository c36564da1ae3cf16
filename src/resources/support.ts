import type { DiagnosticCode } from '../diagnostics/index.ts';

/** What becomes of a field that somebody writes; the pages of docs/resources are made of these. */
export type FieldSupport =
  | { readonly kind: 'supported'; readonly meaning: string; readonly note: string | undefined }
  /** It counts, and not all as in Istio or Kubernetes. */
  | { readonly kind: 'differs'; readonly meaning: string; readonly note: string }
  /** Nothing at an ingress could be done with it, in Istio neither. */
  | { readonly kind: 'not-at-an-ingress'; readonly meaning: string; readonly note: string | undefined }
  /** Read past; `reported` under that code, or silently. */
  | {
      readonly kind: 'ignored';
      readonly meaning: string;
      readonly note: string | undefined;
      readonly reported: DiagnosticCode | undefined;
    };

export const supported = (meaning: string, note?: string): FieldSupport => ({ kind: 'supported', meaning, note });
export const differs = (meaning: string, note: string): FieldSupport => ({ kind: 'differs', meaning, note });
export const notAtAnIngress = (meaning: string, note?: string): FieldSupport => ({
  kind: 'not-at-an-ingress',
  meaning,
  note,
});
export const ignored = (meaning: string, reported: DiagnosticCode, note?: string): FieldSupport => ({
  kind: 'ignored',
  meaning,
  note,
  reported,
});
export const ignoredSilently = (meaning: string, note?: string): FieldSupport => ({
  kind: 'ignored',
  meaning,
  note,
  reported: undefined,
});

/** By the schema's message, then by field. A field within a message that has no name of its own: `outer.inner`. */
export type MessageSupport = Readonly<Record<string, Readonly<Record<string, FieldSupport>>>>;

/** One kind's page. */
export interface KindSupport {
  /** What the kind is for, and what of it no single field says. */
  readonly about: string;
  readonly messages: MessageSupport;
}

const CLUSTERS_OWN = 'the API server’s own';

/** Of every object. */
export const OBJECT_META: MessageSupport = {
  ObjectMeta: {
    name: supported('its name', 'decides, after the age, who comes first'),
    namespace: supported('its owner', 'in a directory that of the folder, which it must agree with'),
    labels: supported('what selectors look at'),
    annotations: supported('settings beside the fields', 'those that are read are named on the pages'),
    creationTimestamp: supported('its age', 'the older of two comes first; without one it counts as oldest'),
    generateName: ignoredSilently(CLUSTERS_OWN),
    uid: ignoredSilently(CLUSTERS_OWN),
    resourceVersion: ignoredSilently(CLUSTERS_OWN),
    selfLink: ignoredSilently(CLUSTERS_OWN),
    clusterName: ignoredSilently(CLUSTERS_OWN),
    generation: ignoredSilently(CLUSTERS_OWN),
    deletionTimestamp: ignoredSilently('it is about to go', 'of a Pod: it is no endpoint any more'),
    deletionGracePeriodSeconds: ignoredSilently(CLUSTERS_OWN),
    finalizers: ignoredSilently(CLUSTERS_OWN),
    ownerReferences: ignoredSilently(CLUSTERS_OWN),
    managedFields: ignoredSilently(CLUSTERS_OWN),
  },
};
