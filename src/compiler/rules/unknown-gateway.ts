import { nearest } from '../../kernel/nearest.ts';
import { MESH, resolveGateway } from '../names.ts';
import { reportAt, type SubjectRule } from './rule.ts';

/** Gateways that a VirtualService names, at its head or in a match, and that nobody wrote. */
export const unknownGateway: SubjectRule = ({ attachable: { object }, surroundings: { plan } }) => {
  const { namespace } = object.meta;
  const named = (object.body.spec.gateways ?? []).map((name, i) => ({ name, field: ['spec', 'gateways', i] }));
  return named.flatMap(({ name, field }) => {
    const resolved = resolveGateway(name, namespace);
    if (name === MESH || plan.known.has(resolved)) return [];
    const close = nearest(resolved, plan.known.keys());
    const hint = close === undefined ? '' : `; did you mean ${close}?`;
    return [reportAt('unknown-gateway', object, field, { message: `there is no Gateway ${resolved}${hint}` })];
  });
};
