import { describe, expect, it } from 'vitest';
import { faultReply } from '../../../src/dataplane/fault.ts';
import { refusalOfMethod } from '../../../src/dataplane/request-method.ts';

describe('a method', () => {
  it.each([
    ['TRACE', undefined, 405],
    ['TRACE', 'text/plain', 405],
    ['QUERY', undefined, 400],
    ['QUERY', '', 400],
    ['QUERY', 'application/sql', undefined],
    ['query', undefined, undefined],
    ['GET', undefined, undefined],
    ['POST', undefined, undefined],
    ['SEARCH', '', undefined],
  ])('%s with the type %j is refused with %s', (method, type, status) => {
    const fault = refusalOfMethod(method, type);
    expect(fault === undefined ? undefined : faultReply(fault).status).toBe(status);
  });
});
