import { HeaderList } from '../../contract/headers.ts';
import { METHODS } from '../../dataplane/downstream/http1-gate.ts';
import { faultReply, type GatewayFault } from '../../dataplane/fault.ts';
import { applyHeaderPolicy } from '../../dataplane/request-headers.ts';
import { refusalOfMethod } from '../../dataplane/request-method.ts';
import { readTarget } from '../../dataplane/request-target.ts';
import { err, ok, type Result } from '../../kernel/result.ts';
import { toBytes } from '../../table/index.ts';
import type { TableSettings } from '../../table/model.ts';
import type { Answer } from './answer.ts';
import type { Question } from './question.ts';

const ANY_REQUEST_ID = '00000000-0000-4000-8000-000000000000';

type Refusal = Extract<Answer, { kind: 'bad-request' | 'not-found' }>;

/** Does the gateway refuse the request line or the Host before it looks for a route? By the very functions that decide it there. */
export function refusalOf({ method, scheme, authority, path, query, headers }: Question): Refusal | undefined {
  // Over HTTP/2 any method goes, and over https that is what most clients speak.
  if (scheme !== 'https' && !METHODS.includes(method))
    return { kind: 'bad-request', status: 400, message: `no method of HTTP/1.1 that is taken is called '${method}'` };
  if (method === 'CONNECT')
    return { kind: 'not-found', status: 404, message: 'tunnels by CONNECT are not offered to anybody' };
  const target = readTarget(path + query, undefined, [authority]);
  if (!target.ok) return refusal(target.error);
  const type = headers.find(([name]) => name.toLowerCase() === 'content-type')?.[1];
  const fault = refusalOfMethod(method, type);
  return fault === undefined ? undefined : refusal(fault);
}

/** The headers that conditions see: those are gone that no client may send, and the scheme is told by the gateway. */
export function headersInside(
  { headers }: Question,
  settings: TableSettings,
  scheme: string,
): Result<HeaderList, Refusal> {
  const asked = headers.map(([name, value]) => [name, toBytes(value)] as const);
  const inside = HeaderList.from(asked);
  // Whose connection it is nobody said: what the gateway would add for that is left out again.
  const policy = applyHeaderPolicy(inside, {
    settings,
    remoteAddress: '',
    secure: scheme === 'https',
    clientAddress: '',
    certificate: undefined,
    upgrade: asked.find(([name]) => name === 'upgrade')?.[1],
  });
  if (!policy.ok) return err(refusal(policy.error));
  inside.remove('x-envoy-external-address');
  inside.remove('x-forwarded-for');
  for (const [name, value] of asked) if (name === 'x-forwarded-for') inside.append(name, value);
  // Each request is given one of the gateway's, whatever its client sends (plugins/request-id).
  inside.set('x-request-id', ANY_REQUEST_ID);
  return ok(inside);
}

/** That of the connection, or what a trusted proxy before the gateway says (istio-semantics §7.2): of others nothing is left here. */
export function schemeInside(headers: HeaderList, ofConnection: 'http' | 'https'): 'http' | 'https' {
  const said = headers.getAll('x-forwarded-proto').join(',').toLowerCase();
  return said === 'http' || said === 'https' ? said : ofConnection;
}

function refusal(fault: GatewayFault): Refusal {
  const { status, message, cause } = faultReply(fault);
  return { kind: 'bad-request', status, message: `${message} (${cause})` };
}
