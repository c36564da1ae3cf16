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
 */
export const rateLimitSchema = resourceSchema(
  'RateLimit',
  message(
    {
      selector: described('Labels of the gateway pod; absent or empty: every gateway.', ref('RateLimitSelector')),
      scope: described(
        'local (default): each gateway process counts for itself. shared: all count together in the store.',
        oneWordOf('local', 'shared'),
      ),
      onStoreFailure: described(
        'When the shared store cannot be asked: allow (default) lets the request pass, deny answers 503.',
        oneWordOf('allow', 'deny'),
      ),
      rules: { ...listOf('RateLimitRule'), minItems: 1 },
    },
    ['rules'],
  ),
  {
    RateLimitSelector: message({ matchLabels: stringMap }),
    RateLimitRule: message(
      {
        name: described('Unique in the object; shown in the RateLimit headers, logs and metrics.', {
          ...text,
          minLength: 1,
          maxLength: 63,
        }),
        match: described('Absent: every request.', ref('RateLimitMatch')),
        per: described('Whose requests are counted together.', ref('RateLimitKey')),
        limits: { ...listOf('RateLimitWindow'), minItems: 1 },
      },
      ['name', 'per', 'limits'],
    ),
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
