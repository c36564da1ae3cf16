import { BlockList, isIP } from 'node:net';
import type { Filter, LocalReply } from '../../src/contract/index.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { memoizeByIdentity } from '../../src/kernel/memo.ts';
import { type AddressLists, type ClientAddressSettings, clientAddressesSpec } from './config.ts';
import { inForce } from './layers.ts';

type Test = (address: string) => boolean;

/** Refuses callers by address: the one that every other concern and the log see, behind trusted proxies and all. */
export function createClientAddressFilter(clock: Clock): Filter<ClientAddressSettings> {
  const boundTest = memoizeByIdentity(testOf);
  return {
    name: clientAddressesSpec.name,
    request({ clientAddress }, { addresses: { mandatory, otherwise } }) {
      for (const { value } of inForce(mandatory, clock.nowMs())) if (!boundTest(value)(clientAddress)) return REFUSAL;
      return otherwise === undefined || boundTest(otherwise.value)(clientAddress) ? undefined : REFUSAL;
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
  const allowed = allow && blockList(allow);
  const denied = blockList(deny);
  return (text) => {
    const address = text.split('%')[0] ?? '';
    const version = isIP(address);
    if (version === 0) return false;
    const family = version === 4 ? 'ipv4' : 'ipv6';
    return !denied.check(address, family) && (allowed === undefined || allowed.check(address, family));
  };
}

function blockList(texts: readonly string[]): BlockList {
  const list = new BlockList();
  for (const text of texts) {
    const [address = '', length] = text.split('/');
    const family = isIP(address) === 4 ? 'ipv4' : 'ipv6';
    if (length === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(length), family);
  }
  return list;
}
