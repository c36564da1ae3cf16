import { isIP } from 'node:net';
import { addressBlocks, type Filter, type LocalReply } from '../../src/contract/index.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { memoizeByIdentity } from '../../src/kernel/memo.ts';
import { type AddressLists, type ClientAddressSettings, clientAddressesSpec } from './config.ts';
import { inForce } from './layers.ts';

type Test = (address: string) => boolean;

/**
 * Refuses callers by address: the one that every other concern and the log see, behind trusted proxies and all. Raw
 * connections have the settings that hold for every request: the network team's lists.
 */
export function createClientAddressFilter(clock: Clock): Filter<ClientAddressSettings> {
  const boundTest = memoizeByIdentity(testOf);
  const mayCall = (address: string, { addresses: { mandatory, otherwise } }: ClientAddressSettings): boolean => {
    for (const { value } of inForce(mandatory, clock.nowMs())) if (!boundTest(value)(address)) return false;
    return otherwise === undefined || boundTest(otherwise.value)(address);
  };
  return {
    name: clientAddressesSpec.name,
    request: ({ clientAddress }, settings) => (mayCall(clientAddress, settings) ? undefined : REFUSAL),
    connection({ clientAddress, record }, settings) {
      if (mayCall(clientAddress, settings)) return true;
      record.cause = REFUSAL.cause;
      record.terminationDetails = REFUSAL.details;
      return false;
    },
  };
}

const REFUSAL: LocalReply = {
  status: 403,
  cause: 'address-denied',
  side: 'policy',
  message: 'This address may not call here.',
  details: 'client_address_denied',
};

/** What is no address at all is refused: nobody could say of it that it is allowed. */
function testOf({ allow, deny }: AddressLists): Test {
  const allowed = allow && addressBlocks(allow);
  const denied = addressBlocks(deny);
  return (address) => isIP(address) !== 0 && !denied(address) && (allowed === undefined || allowed(address));
}
