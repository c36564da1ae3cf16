import type { Diagnostic } from '../diagnostics/index.ts';
import type { ResourceOf, ResourceSet } from '../resources/index.ts';
import type { CompileOptions } from './compilation.ts';
import { reportAt } from './rules/rule.ts';

type Exemption = ResourceOf<'PolicyExemption'>;
type Options = Pick<CompileOptions, 'gatewayNamespace'> & {
  readonly mesh: Pick<CompileOptions['mesh'], 'rootNamespace'>;
};

/** What the time of day has to say of the resources: not of the compiler, which has no clock. */
export interface TimelyFindings {
  readonly diagnostics: readonly Diagnostic[];
  /** When there will be more to say, in milliseconds since 1970; undefined: never. */
  readonly nextAtMs: number | undefined;
  readonly exemptions: Readonly<Record<ExemptionState, number>>;
}

type ExemptionState = 'active' | 'expiring' | 'expired';

/** Time enough to mend what will expire. */
export const NOTICE_MS = 14 * 24 * 60 * 60 * 1_000;

/** PolicyExemptions that have expired or soon will, and when the next one does. */
export function timelyFindings(resources: ResourceSet, options: Options, nowMs: number): TimelyFindings {
  const exemptions = { active: 0, expiring: 0, expired: 0 };
  const diagnostics: Diagnostic[] = [];
  const moments: number[] = [];
  for (const exemption of resources.ofKind('PolicyExemption')) {
    // Elsewhere it acts on nothing, and that is said already.
    if (!isNetworkTeams(exemption, options)) continue;
    const expiresMs = Date.parse(exemption.body.spec.expires);
    moments.push(expiresMs - NOTICE_MS, expiresMs);
    const state = nowMs >= expiresMs ? 'expired' : nowMs >= expiresMs - NOTICE_MS ? 'expiring' : 'active';
    exemptions[state] += 1;
    if (state !== 'active') diagnostics.push(findingOf(exemption, state, resources));
  }
  const coming = moments.filter((moment) => moment > nowMs);
  return { diagnostics, exemptions, nextAtMs: coming.length === 0 ? undefined : Math.min(...coming) };
}

function findingOf(exemption: Exemption, state: 'expiring' | 'expired', resources: ResourceSet): Diagnostic {
  const { namespace, sections, expires, approver } = exemption.body.spec;
  const what = `what is mandatory in ${sections.join(', ')} for routes of ${namespace}, approved by ${approver}`;
  const policies = resources
    .ofKind('EdgePolicy')
    .filter(({ meta, body }) => meta.namespace === namespace && sections.some((name) => body.spec[name] !== undefined));
  return reportAt(
    state === 'expired' ? 'exemption-expired' : 'exemption-expires-soon',
    exemption,
    ['spec', 'expires'],
    {
      message:
        state === 'expired' ? `${what}, holds again since ${expires}` : `${what}, is lifted no longer than ${expires}`,
      related: policies.map((policy) => ({
        message:
          state === 'expired' ? 'whatever is weaker here does not hold' : 'whatever is weaker here will not hold',
        object: policy.ref,
        location: policy.origin.locate(['spec']),
      })),
    },
  );
}

const isNetworkTeams = ({ meta }: Exemption, { gatewayNamespace, mesh }: Options): boolean =>
  meta.namespace === mesh.rootNamespace || meta.namespace === gatewayNamespace;
