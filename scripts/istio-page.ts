import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One line of the reviewed list: a recorded answer that differs on purpose. */
interface Reviewed {
  readonly request: string;
  /** The rule that it follows, as the list names it: `product.md "invalid rule"`. */
  readonly rule: string;
  readonly why: string;
}

const LIST = 'test/istio-reviewed.txt';

function readReviewed(): readonly Reviewed[] {
  const text = readFileSync(join(import.meta.dirname, '..', LIST), 'utf8');
  return text
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .map((line) => {
      // The id of a request may end with a blank, so what counts is where the reason begins.
      const reason = line.slice(Math.max(line.lastIndexOf('  product.md'), line.lastIndexOf('  edge-security')) + 2);
      const [rule = '', why = ''] = reason.split(/: (.*)/s);
      return { request: line.slice(0, line.indexOf('  ')), rule, why };
    });
}

/** Enough to see what is meant; the list has them all. */
const MOST_REASONS = 4;

/** docs/istio.md: what is written by hand, with the reviewed list in short. */
export function istioPage(): string {
  const byRule = Map.groupBy(readReviewed(), ({ rule }) => rule);
  const rows = [...byRule]
    .toSorted(([, a], [, b]) => b.length - a.length)
    .map(([rule, all]) => {
      const told = [...new Set(all.flatMap(({ why }) => (why === '' ? [] : [why])))];
      const reasons = told.slice(0, MOST_REASONS).join('; ') + (told.length > MOST_REASONS ? ' …' : '');
      const categories = [...new Set(all.map(({ request }) => request.split('/')[0] ?? ''))].toSorted().join(', ');
      return `| ${[rule, reasons, categories, String(all.length)].map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
    });
  return `${BEFORE}\n${rows.join('\n')}\n${AFTER}`;
}

const BEFORE = `# How far it answers as Istio does

<!-- Generated from ${LIST} by scripts/generate-resources.ts (scripts/istio-page.ts); not to be edited. -->

The same YAML gets the same answers as from an Istio ingress gateway. That is measured: \`test/istio\` holds 9,745 requests
with the resources they were sent to and the answers that Istio 1.30 with Envoy 1.40 gave, and 483 documents with what
Istio's validation says of each.

## See for yourself

\`\`\`sh
npm run test:istio                            # everything, and agreement by category
npm run test:istio -- match order             # some categories
npm run test:istio -- --verbose paths/targets # one case, with every difference
\`\`\`

Each case starts a gateway with its resources, plays its requests, and compares status, headers, body and everything that
reached the backends. What a gateway says in its own words is not compared. \`test/istio/README.md\` tells the format, so that
answers of your own gateway can be recorded and laid beside them.

Your own configuration: \`banyan check DIR\` refuses what Istio's validation refuses and reports what \`istioctl analyze\` does
([codes](diagnostics.md#codes-of-istioctl-analyze)); \`banyan explain 'GET https://host/path'\` shows which rule answers, and why.
What becomes of each field: [resources](resources/README.md).

## What differs, and why

Only what is listed in \`${LIST}\`, a line for each request, with its reason. In short:

| rule | what happens | where | requests |
|---|---|---|---|`;

const AFTER = `
\`product.md\` and \`edge-security.md\` are the two lists of decisions behind the gateway: where Istio is unsafe by default, or
hides a mistake, it is safe and says so. What no recorded answer shows:

| | Istio | here |
|---|---|---|
| errors of the gateway's own | plain text, or nothing | \`application/problem+json\` with cause, side at fault and request id; gRPC gets grpc-status |
| two VirtualServices for one host | the older wins, silently | the same, and reported with a request as witness |
| 429 | no Retry-After | \`Retry-After\`, \`RateLimit\`, \`RateLimit-Policy\` |
| \`targetRefs\` to a VirtualService in a team's AuthorizationPolicy | unknown | adds to what the network team asks |
| an authorizer over gRPC (\`envoyExtAuthzGrpc\`) | may set \`:path\` and \`host\`; takes a query parameter away in one spelling | may not; takes it away in every spelling |
| a rate-limit service | by EnvoyFilter; a missing header drops the descriptor | \`RateLimit\` with \`scope: service\`; the client address stands for the header |
| ISTIO_MUTUAL, AUTO_PASSTHROUGH | by the mesh | no mesh: reported as \`mode-needs-mesh\` |
| headers that \`Connection\` names on a WebSocket request | passed on | removed, or refused with 400, as on any other request |
| a cookie in pieces over HTTP/2 | each piece is one of the 100 headers | all of them are one |
| what Envoy refuses all of a port for: a server of mode SIMPLE with \`subjectAltNames\`, \`jwks\` without keys, an empty name in \`@request.auth.claims.…\` | nothing on that port works | that server, that token or that document alone does not |
| ServiceEntry with DYNAMIC_DNS | forwarded by Host | 503, reported as \`destination-without-endpoints\` |
| \`tunnel\`, zone-aware balancing | supported | ignored, and reported |
| the PROXY protocol of load balancers | whoever connects is believed | the same; but \`--proxy-protocol-from\` names whom to believe, and then all others are clients of their own |
| port that is opened | the target port of the gateway's Service | the Gateway's own number, shifted by \`--port-offset\` |

## Settings of the mesh that count

In the file of \`--mesh-config\`, by Istio's names; every one with its default in [MeshConfig](resources/mesh-config.md). Others are
passed over with a hint (\`unread-mesh-setting\`).

| setting | what it decides |
|---|---|
| \`pathNormalization\` | how a path is made normal before anything looks at it. Without it DECODE_AND_MERGE_SLASHES; write \`normalization: BASE\` for Istio's default |
| \`rootNamespace\` | where policies for every route are |
| \`defaultConfig.gatewayTopology\` | how many proxies before the gateway are believed, whether load balancers say by the PROXY protocol whose connection it is, and what is done with client certificates' headers |
| \`defaultHttpRetryPolicy\` | retries of rules that say nothing |
| \`connectTimeout\`, \`h2UpgradePolicy\` | how services are reached |
| \`defaultVirtualServiceExportTo\`, \`defaultDestinationRuleExportTo\`, \`defaultServiceExportTo\` | who sees what says nothing of it |
| \`extensionProviders\` | whom CUSTOM policies ask |
`;
