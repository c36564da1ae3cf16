import { describe, expect, it } from 'vitest';
import { formatFieldPath } from '../../../src/diagnostics/index.ts';
import { compileShop, findings, TO_WEB, virtualService } from './builders.ts';

const compiled = (policy: string) =>
  compileShop([
    virtualService(
      'vs',
      `hosts: [a.example.com], gateways: [infra/public], http: [{ ${TO_WEB}, corsPolicy: ${policy} }]`,
    ),
  ]);

const told = (policy: string): readonly string[] =>
  ['open-credentials', 'open-origin'].flatMap((code) =>
    findings(compiled(policy), code).map(({ field, message }) => `${code} ${formatFieldPath(field ?? [])}: ${message}`),
  );
const AT = 'spec.http[0].corsPolicy';

// edge-security C-01.02
describe('origins that may send credentials', () => {
  it.each([
    '{ exact: "*" }',
    '{ regex: ".*" }',
    '{ prefix: "*" }',
    '{ regex: "[*]|https://a[.]com" }',
    '{ regex: ".+" }',
    '{ regex: "https?://.*" }',
    '{ regex: "(null|https?://[a-z0-9.:-]+)" }',
    '{ prefix: http }',
  ])('are told where any origin fits: %s', (origin) => {
    expect(told(`{ allowOrigins: [{ exact: "https://a.com" }, ${origin}], allowCredentials: true }`)).toEqual([
      `open-credentials ${AT}.allowOrigins[1]: any origin fits, and its pages may send credentials`,
    ]);
  });

  it.each(['{ exact: "null" }', '{ regex: "(null|https://a[.]com)" }', '{ prefix: nul }'])(
    'are told where a page without an origin fits: %s',
    (origin) => {
      expect(told(`{ allowOrigins: [${origin}], allowCredentials: true }`)).toEqual([
        `open-credentials ${AT}.allowOrigins[0]: the origin 'null' fits, which any page can have, and may send credentials`,
      ]);
    },
  );

  it.each([
    ['https://app', 'https://app.stranger.invalid'],
    ['https://a.com', 'https://a.com.stranger.invalid'],
    ['https://a.', 'https://a.stranger.invalid'],
    ['https://', 'https://stranger.invalid'],
  ])('are told where origins of others fit: prefix %s', (prefix, stranger) => {
    expect(told(`{ allowOrigins: [{ prefix: '${prefix}' }], allowCredentials: true }`)).toEqual([
      `open-origin ${AT}.allowOrigins[0]: the prefix ${prefix} fits ${stranger} too, and its pages may send credentials`,
    ]);
  });

  it('are looked for in the older field where the newer one is empty', () => {
    expect(told('{ allowOrigin: ["*"], allowCredentials: true }')).toEqual([
      `open-credentials ${AT}.allowOrigin[0]: any origin fits, and its pages may send credentials`,
    ]);
  });

  it.each([
    '{ allowOrigins: [{ exact: "*" }] }',
    '{ allowOrigins: [{ exact: "*" }], allowCredentials: false }',
    '{ allowOrigins: [{ prefix: "https://app" }] }',
    '{ allowOrigins: [{ exact: "https://a.com" }], allowCredentials: true }',
    '{ allowOrigins: [{ regex: "https://[a-z]+[.]a[.]com" }], allowCredentials: true }',
    '{ allowOrigins: [{ prefix: "https://a.com:" }], allowCredentials: true }',
    '{ allowOrigins: [{ exact: "https://a.com" }], allowOrigin: ["*"], allowCredentials: true }',
    '{ allowOrigins: [{ prefix: "app://" }], allowCredentials: true }',
    '{ allowMethods: [GET], allowCredentials: true }',
  ])('are no matter here: %s', (policy) => expect(told(policy)).toEqual([]));

  it('are served all the same, as Istio serves them', () => {
    const { table, diagnostics } = compiled('{ allowOrigins: [{ exact: "*" }], allowCredentials: true }');
    expect(diagnostics.map(({ severity, refused }) => [severity, refused])).toEqual([['error', false]]);
    expect(table.routeConfigs[0]?.virtualHosts[0]?.routes[0]?.action.kind).toBe('forward');
  });
});
