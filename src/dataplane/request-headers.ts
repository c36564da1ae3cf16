import type { ClientCertificate } from '../contract/exchange.ts';
import type { HeaderList } from '../contract/headers.ts';
import { err, ok, type Result } from '../kernel/result.ts';
import { keepsOneValue } from '../table/index.ts';
import type { TableSettings } from '../table/model.ts';
import type { GatewayFault } from './fault.ts';
import { joinRepeated } from './one-value.ts';
import { isUrlAuthority } from './url-authority.ts';

/** Names with which a client could steer the gateway, or pretend to be behind it (istio-semantics §7.2, row "stripped"). */
const CONTROL_HEADERS: ReadonlySet<string> = new Set(
  [
    'internal decorator-operation downstream-service-cluster downstream-service-node original-path original-host original-url',
    'retriable-status-codes retriable-header-names retry-on retry-grpc-on max-retries upstream-alt-stat-name upstream-rq-timeout-ms',
    'upstream-rq-per-try-timeout-ms upstream-rq-timeout-alt-response expected-rq-timeout-ms upstream-stream-duration-ms force-trace ip-tags hedge-on-per-try-timeout',
  ].flatMap((line) => line.split(' ').map((name) => `x-envoy-${name}`)),
);

/** Other proxies' ways to override the path or the method that was authorised, and the client's own proxy credentials (edge-security S-02, S-03). */
const DECEIVING_HEADERS: ReadonlySet<string> = new Set([
  'x-original-url',
  'x-rewrite-url',
  'x-http-method-override',
  'x-http-method',
  'x-method-override',
  'proxy',
  'proxy-authorization',
]);

/** Never go on as they came: what ends here, what is set anew, what nobody outside may say. */
const TAKEN_OUT: ReadonlySet<string> = new Set([
  ...['keep-alive', 'proxy-connection', 'transfer-encoding', 'te', 'host'],
  ...CONTROL_HEADERS,
  ...DECEIVING_HEADERS,
]);

/** What `Connection` may not name: the answer to them would be another request than the one that was sent (§7.2). */
const NEVER_NOMINATED: ReadonlySet<string> = new Set([
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'host',
]);
const MAX_NOMINATED = 9;

export interface HeaderPolicyInput {
  readonly settings: TableSettings;
  /** Whom the connection speaks for. */
  readonly remoteAddress: string;
  readonly secure: boolean;
  readonly clientAddress: string;
  readonly certificate: ClientCertificate | undefined;
  /** The Upgrade header's value where this is an upgrade that may go on. */
  readonly upgrade: string | undefined;
}

/**
 * Makes of the lines that came those that may be matched, authorised and forwarded: hop-by-hop lines and what
 * `Connection` names go first, then ours are set, so that no client can take them away (edge-security S-01).
 */
export function applyHeaderPolicy(headers: HeaderList, input: HeaderPolicyInput): Result<undefined, GatewayFault> {
  const nominated = nominatedHeaders(headers);
  if (!nominated.ok) return nominated;
  const te = keepsTrailers(headers.getAll('te'));
  const sendsUpgrade = input.upgrade !== undefined;
  // Of no use to anybody, and half of a request to switch (edge-security F-31); alone it goes on, as with Envoy.
  const asksForH2c = headers.get('upgrade')?.toLowerCase() === 'h2c';
  headers.removeWhere(
    (name) =>
      TAKEN_OUT.has(name) ||
      (!sendsUpgrade && (name === 'connection' || name === 'upgrade')) ||
      (asksForH2c && name === 'http2-settings') ||
      (nominated.value.has(name) && name !== 'upgrade'),
  );
  if (te) headers.append('te', 'trailers');
  joinRepeated(headers, keepsOneValue);
  const underscore = firstUnderscore(headers);
  if (underscore !== undefined) return err({ kind: 'underscore-in-header', name: underscore });
  dropImproperReferer(headers);
  setForwarded(headers, input);
  setClientCertificate(headers, input);
  return ok(undefined);
}

const NONE_NOMINATED: Result<ReadonlySet<string>, never> = ok(new Set<string>());

function nominatedHeaders(headers: HeaderList): Result<ReadonlySet<string>, GatewayFault> {
  const lines = headers.getAll('connection');
  if (lines.length === 0 || (lines.length === 1 && lines[0] === 'keep-alive')) return NONE_NOMINATED;
  const tokens = lines
    .flatMap((line) => line.split(','))
    .map((token) => token.trim().toLowerCase())
    .filter((token) => token !== '');
  const named = new Set(tokens);
  for (const token of named) {
    if (NEVER_NOMINATED.has(token) || token.startsWith(':')) {
      return err({
        kind: 'bad-request',
        details: 'http.connection_header_rejected',
        message: `The Connection header may not name '${token}'.`,
      });
    }
  }
  if (tokens.length > MAX_NOMINATED) {
    return err({
      kind: 'bad-request',
      details: 'http.connection_header_rejected',
      message: `The Connection header names more than ${MAX_NOMINATED} headers.`,
    });
  }
  named.delete('te');
  return ok(named);
}

/** Exactly the token `trailers`, lower case and without weight, anywhere in the list (§7.2). */
const keepsTrailers = (lines: readonly string[]): boolean =>
  lines.some((line) => line.split(',').some((token) => token.trim() === 'trailers'));

/** `X_User_Id` is the same variable as `X-User-Id` in CGI and its heirs: refused (edge-security S-05, product.md). */
function firstUnderscore(headers: HeaderList): string | undefined {
  const raw = headers.raw();
  for (let i = 0; i < raw.length; i += 2) if ((raw[i] as string).includes('_')) return raw[i];
  return undefined;
}

/** A path or query of visible characters that a URL has; a colon in the first segment would make a scheme of it (RFC 3986 §4.2). */
const RELATIVE_REFERER = /^[\w.~%!$&'()*+,;=@?-]*(?:\/[\w.~%!$&'()*+,;=:@/?-]*)?$/;
/** The authority, then path and query; an empty fragment passes behind these. */
const ABSOLUTE_REFERER =
  /^[A-Za-z][A-Za-z0-9+.-]*:\/\/([^/?#]+)(?:(?:\/[\t\x21\x22\x24-\x3e\x40-\x7e]*)?(?:\?[\t\x21\x22\x24-\x7e]*)?|[/?][\t\x21\x22\x24-\x7e]*#)$/;

/** A referer with a fragment, a user part or a blank is removed, as is what is no URL (§7.2); repeated ones stay. */
function dropImproperReferer(headers: HeaderList): void {
  const lines = headers.getAll('referer');
  const line = lines[0];
  if (lines.length !== 1 || line === undefined || line === '' || isProperReferer(line)) return;
  headers.remove('referer');
}

function isProperReferer(line: string): boolean {
  const authority = ABSOLUTE_REFERER.exec(line)?.[1];
  if (authority === undefined) return RELATIVE_REFERER.test(line);
  return isUrlAuthority(authority.startsWith('@') ? authority.slice(1) : authority);
}

/** Lines are joined without a blank, as Envoy does: conditions on the header see that value (istio-semantics §2.3, §7.2). */
function setForwarded(headers: HeaderList, input: HeaderPolicyInput): void {
  const lines = headers.getAll('x-forwarded-for').filter((line) => line !== '');
  headers.remove('x-forwarded-for');
  headers.append('x-forwarded-for', [...lines, input.remoteAddress].join(','));
  const proto = headers.getAll('x-forwarded-proto');
  if (input.settings.numTrustedProxies === 0 || proto.length === 0)
    headers.set('x-forwarded-proto', input.secure ? 'https' : 'http');
  headers.set('x-envoy-external-address', input.clientAddress);
}

/** X-Forwarded-Client-Cert (§7.2): what a client says of itself counts only where the network team said so. */
function setClientCertificate(headers: HeaderList, { settings, certificate, secure }: HeaderPolicyInput): void {
  const mode = settings.forwardClientCert;
  if (mode === 'always-forward-only') return;
  const own = certificate === undefined ? undefined : clientCertificateElement(certificate);
  const sent = headers.getAll('x-forwarded-client-cert');
  headers.remove('x-forwarded-client-cert');
  if (own === undefined || !secure || mode === 'sanitize') return;
  const elements =
    mode === 'sanitize-set' ? [own] : mode === 'append-forward' ? [...sent.filter((line) => line !== ''), own] : sent;
  if (elements.length > 0) headers.append('x-forwarded-client-cert', elements.join(','));
}

function clientCertificateElement(certificate: ClientCertificate): string {
  return [
    ...(certificate.serverUri === undefined ? [] : [`By=${certificate.serverUri}`]),
    `Hash=${certificate.hash}`,
    `Cert="${encodeURIComponent(certificate.pem)}"`,
    `Subject="${certificate.subject}"`,
    `URI=${certificate.uris.join(',')}`,
    ...certificate.dnsNames.map((name) => `DNS=${name}`),
  ].join(';');
}
