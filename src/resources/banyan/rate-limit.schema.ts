import {
  described,
  duration,
  list,
  listOf,
  message,
  oneWordOf,
  ref,
  resourceSchema,
  stringMap,
  text,
  texts,
} from '../schema.ts';

/**
 * banyan.dev/v1alpha1 RateLimit: how many requests callers may make. It acts when it lies in the root namespace or in
 * the gateway's own, and its selector fits the gateway's labels; elsewhere it is reported as without effect.
 *
 * Every rule that fits a request counts it, and each of its limits must have room (AND): the one that is exceeded
 * first answers 429. Rules are independent, so adding one never loosens another.
 *
 * ```yaml
 * spec:
 *   rules:
 *     - name: public-api
 *       match: { paths: [{ prefix: /v1 }], methods: [GET] }
 *       per: { header: x-api-key }        # a request without it is counted by its client address
 *       limits:
 *         - { requests: 20, window: 1s, burst: 40 }
 *         - { requests: 500, window: 1m }
 * ```
 *
 * With `scope: service` the limits are those of a service that speaks Envoy's protocol: rules give it descriptors.
 */
export const rateLimitSchema = resourceSchema(
  'RateLimit',
  message(
    {
      selector: described('Labels of the gateway pod; absent or empty: every gateway.', ref('RateLimitSelector')),
      scope: described(
        'local (default): each gateway process counts for itself. shared: all count together in the store. service: a rate-limit service decides.',
        oneWordOf('local', 'shared', 'service'),
      ),
      service: described('With scope service: whom to ask.', ref('RateLimitServiceAddress')),
      onStoreFailure: described(
        'When the shared store or the service cannot be asked: allow (default) lets the request pass, deny answers 503.',
        oneWordOf('allow', 'deny'),
      ),
      rules: { ...listOf('RateLimitRule'), minItems: 1 },
    },
    ['rules'],
  ),
  {
    RateLimitSelector: message({ matchLabels: stringMap }),
    RateLimitServiceAddress: message(
      {
        host: described('Of a Service or ServiceEntry that the gateway sees.', { ...text, minLength: 1 }),
        port: described('Its protocol must be GRPC or HTTP2.', { type: 'integer', minimum: 1, maximum: 65_535 }),
        domain: described('Domain of the descriptors.', { ...text, minLength: 1 }),
        timeout: described('How long a request waits for an answer; default: 50ms.', duration),
      },
      ['host', 'port', 'domain'],
    ),
    RateLimitRule: message(
      {
        name: described('Unique in the object; shown in the RateLimit headers, logs and metrics.', {
          ...text,
          minLength: 1,
          maxLength: 63,
        }),
        match: described('Absent: every request.', ref('RateLimitMatch')),
        per: described('Whose requests are counted together; required but with scope service.', ref('RateLimitKey')),
        limits: described('All must have room; required but with scope service.', {
          ...listOf('RateLimitWindow'),
          minItems: 1,
        }),
        descriptor: described('With scope service: the entries of one descriptor, in their order.', {
          ...listOf('RateLimitEntry'),
          minItems: 1,
        }),
      },
      ['name'],
    ),
    RateLimitEntry: message(
      {
        key: described('As the service knows it.', { ...text, minLength: 1 }),
        value: described('The same for every request.', { ...text, minLength: 1 }),
        from: described('Of the request; or `value`.', ref('RateLimitSource')),
      },
      ['key'],
    ),
    RateLimitSource: {
      title: 'RateLimitSource',
      anyOf: [
        oneWordOf('client-address', 'route', 'namespace', 'host', 'method', 'path'),
        {
          ...message({ header: { ...text, minLength: 1 } }, ['header']),
          description: 'Its value; without the header, `remote_address` with the client address stands in its place.',
        },
        {
          ...message({ claim: { ...text, minLength: 1 } }, ['claim']),
          description: 'Of a verified token, nested with dots; without it, as without a header.',
        },
      ],
    },
    RateLimitMatch: message({
      hosts: described('Exact, `*.suffix` or `*`; without port, in any case.', texts),
      paths: described('Any of them fits; the path as normalised, without query.', list(ref('RateLimitPath'))),
      methods: texts,
      namespaces: described('Owners of the route that answers.', texts),
      routes: described(
        'Ids of routes: `namespace/virtualService/rule`; a shorter id takes all that lie under it.',
        texts,
      ),
    }),
    RateLimitPath: message({ exact: text, prefix: text }),
    RateLimitKey: {
      title: 'RateLimitKey',
      anyOf: [
        oneWordOf('client-address', 'route', 'namespace', 'gateway'),
        {
          ...message({ header: { ...text, minLength: 1 } }, ['header']),
          description: 'Its value; without the header, the client address.',
        },
        {
          ...message({ claim: { ...text, minLength: 1 } }, ['claim']),
          description: 'Of a verified token, nested with dots; without it, the client address.',
        },
      ],
    },
    RateLimitWindow: message(
      {
        requests: { type: 'integer', minimum: 0, maximum: 1_000_000_000 },
        window: duration,
        burst: described('How many may come at once; default: `requests`.', {
          type: 'integer',
          minimum: 1,
          maximum: 1_000_000_000,
        }),
      },
      ['requests', 'window'],
    ),
  },
);
