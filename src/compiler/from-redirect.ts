import { err, ok, type Result } from '../kernel/result.ts';
import type { HTTPDirectResponse, HTTPRedirect } from '../resources/index.ts';
import type { DirectResponseAction, RedirectAction } from '../table/index.ts';

const STATUS: Readonly<Record<number, RedirectAction['status']>> = {
  0: 301,
  301: 301,
  302: 302,
  303: 303,
  307: 307,
  308: 308,
};

/** `port`, `secure`: of the server that the routes are built for. The error says why the rule cannot be honoured. */
export function translateRedirect(
  redirect: HTTPRedirect,
  port: number,
  secure: boolean,
): Result<RedirectAction, string> {
  const status = STATUS[redirect.redirectCode ?? 0];
  if (status === undefined) {
    return err(`redirectCode ${redirect.redirectCode} is none of 301, 302, 303, 307 and 308`);
  }
  return ok({
    kind: 'redirect',
    status,
    path: redirectPath(redirect.uri),
    authority: nonEmpty(redirect.authority),
    scheme: redirect.scheme === 'http' || redirect.scheme === 'https' ? redirect.scheme : undefined,
    port: redirectPort(redirect, port, secure),
  });
}

/** A missing leading slash is put before it; patterns such as `%PREFIX()%` are plain text (istio-semantics §2.6). */
function redirectPath(uri: string | undefined): string | undefined {
  const path = nonEmpty(uri);
  return path === undefined || path.startsWith('/') ? path : `/${path}`;
}

/** The default port of the scheme is as if none were given: the Host's own port then stays (istio-semantics §2.6). */
function redirectPort(redirect: HTTPRedirect, port: number, secure: boolean): number | undefined {
  const wanted = redirect.port ?? (redirect.derivePort === 'FROM_REQUEST_PORT' ? port : 0);
  const scheme = nonEmpty(redirect.scheme) ?? (secure ? 'https' : 'http');
  if (wanted === 0 || (wanted === 80 && scheme === 'http') || (wanted === 443 && scheme === 'https')) return undefined;
  return wanted;
}

export function translateDirectResponse(response: HTTPDirectResponse): DirectResponseAction {
  return { kind: 'direct-response', status: response.status ?? 0, bodyBase64: bodyOf(response) };
}

function bodyOf({ body }: HTTPDirectResponse): string | undefined {
  const base64 = body?.bytes ?? Buffer.from(body?.string ?? '', 'utf8').toString('base64');
  return nonEmpty(base64);
}

const nonEmpty = (text: string | undefined): string | undefined => (text === '' ? undefined : text);
