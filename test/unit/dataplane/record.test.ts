import { describe, expect, it } from 'vitest';
import { HeaderList } from '../../../src/contract/index.ts';
import type { RawRequest } from '../../../src/dataplane/downstream/port.ts';
import { newRecord } from '../../../src/dataplane/record.ts';

const UUID_4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe('the record of a request', () => {
  it('has an id of its own from the beginning, whatever the client sent (edge-security G-04)', () => {
    const raw = { headers: HeaderList.from([['x-request-id', 'chosen']]) } as RawRequest;
    const [one, two] = [newRecord(raw), newRecord(raw)];
    expect(one.requestId).toMatch(UUID_4);
    expect(two.requestId).toMatch(UUID_4);
    expect(one.requestId).not.toBe(two.requestId);
  });
});
