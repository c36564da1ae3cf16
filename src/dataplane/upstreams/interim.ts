/** Interim answers that Envoy passes on (`isSpecial1xx`); it swallows the others (istio-semantics §7.4). */
export const isPassedOn = (status: number): boolean =>
  status === 100 || status === 102 || status === 103 || status === 104;
