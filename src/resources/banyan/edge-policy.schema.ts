import {
  described,
  flag,
  listOf,
  mapOf,
  message,
  oneWordOf,
  ref,
  resourceSchema,
  stringMap,
  text,
  texts,
} from '../schema.ts';

const level = described(
  'Of the network team: mandatory (default) holds for every route, and no team can weaken it; default holds where a team says nothing else.',
  oneWordOf('mandatory', 'default'),
);

const oddPath = oneWordOf('ALLOW', 'REFUSE');

/**
 * banyan.dev/v1alpha1 EdgePolicy: what the edge asks of requests and adds to answers. In the root namespace or the
 * gateway's own it is the network team's layer, for every route; in a team's namespace it is that team's, for the routes
 * of its VirtualServices, or of those that it names.
 */
export const edgePolicySchema = resourceSchema(
  'EdgePolicy',
  message({
    selector: described(
      'Of the network team: labels of the gateway pod; absent or empty: every gateway.',
      ref('EdgePolicySelector'),
    ),
    targetRefs: described('Of a team: these VirtualServices of its namespace only.', listOf('EdgePolicyTarget')),
    clientAddresses: described(
      'Who may call. Those of the network team hold for raw connections (`tcp`, `tls` rules) as well.',
      ref('EdgeClientAddresses'),
    ),
    limits: described('How large a request may be.', ref('EdgeLimits')),
    securityHeaders: described('Headers of every answer.', ref('EdgeSecurityHeaders')),
    compression: described('Of answers, on their way to clients that accept it.', ref('EdgeCompression')),
  }),
  {
    EdgePolicySelector: message({ matchLabels: stringMap }),
    EdgePolicyTarget: message({ group: text, kind: text, name: text }, ['kind', 'name']),
    EdgeClientAddresses: message({
      level,
      allow: described(
        'Addresses and networks; absent: all. A team adds to what is mandatory: both must allow.',
        texts,
      ),
      deny: described('Addresses and networks that are refused whatever is allowed.', texts),
    }),
    EdgeLimits: message({
      level,
      bodyBytes: described('Of a request body; a longer one is answered 413.', {
        type: 'integer',
        minimum: 0,
        maximum: Number.MAX_SAFE_INTEGER,
      }),
      headerBytes: described('Names and values of all request headers together; more is answered 431.', {
        type: 'integer',
        minimum: 256,
        maximum: 1_048_576,
      }),
      unsafeEscapes: described(
        'REFUSE: a path with `%00`, `%0d`, `%0a`, a percent sign that begins no escape, or `%2e%2e;` for a segment, is answered 400. Default: ALLOW.',
        oddPath,
      ),
      pathParameters: described(
        'REFUSE: a path with a semicolon, or `%3b`, is answered 400: `/admin;x` is `/admin` to some services, and no rule names it. Default: ALLOW.',
        oddPath,
      ),
    }),
    EdgeSecurityHeaders: message({
      level,
      set: described(
        'Name and value. Mandatory ones replace what the service says; others are added where it says nothing.',
        mapOf(text),
      ),
      remove: described('Names of headers that no client sees.', texts),
    }),
    EdgeCompression: message(
      {
        level,
        enabled: flag,
        algorithms: described('In order of preference among equals of the client; default: zstd, br, gzip.', {
          type: 'array',
          items: oneWordOf('zstd', 'br', 'gzip'),
          minItems: 1,
        }),
        minBytes: described('Smaller answers are left alone; default 1024.', {
          type: 'integer',
          minimum: 0,
          maximum: 1_073_741_824,
        }),
        contentTypes: described(
          'Media types, `text/*` being all of a kind; default: text, JSON, XML, JavaScript, SVG and WebAssembly.',
          texts,
        ),
      },
      ['enabled'],
    ),
  },
);

/**
 * banyan.dev/v1alpha1 PolicyExemption: the one way around what is mandatory, for the routes of one namespace, until a
 * day. It acts in the network team's namespaces only.
 */
export const policyExemptionSchema = resourceSchema(
  'PolicyExemption',
  message(
    {
      approver: described('Who answers for it.', { ...text, minLength: 1 }),
      reason: described('Why it is needed.', { ...text, minLength: 1 }),
      expires: described('From then on what is mandatory holds again, by itself.', {
        type: 'string',
        format: 'date-time',
      }),
      policy: described('Name of the EdgePolicy, in the namespace of the exemption; absent: every one.', text),
      sections: described('Parts of the policy that it lifts.', {
        type: 'array',
        items: oneWordOf('clientAddresses', 'limits', 'securityHeaders', 'compression'),
        minItems: 1,
      }),
      namespace: described('Owner of the routes.', { ...text, minLength: 1 }),
      routes: described(
        'Ids of routes; a shorter id takes all that lie under it; absent: all of the namespace.',
        texts,
      ),
    },
    ['approver', 'reason', 'expires', 'sections', 'namespace'],
  ),
  {},
);
