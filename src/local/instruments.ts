/** The ways of other entries to what is behind a broker. */
import type { BrokerState } from '../broker/broker-state.js'
import { type Broker, LOGIN, type Login } from './broker.js'
import type { ConnectOptions } from './broker-options.js'

/** The state of a broker that is open, and still has the user `guest`, as every new one. */
export function stateOf(broker: Broker): BrokerState {
  return broker[LOGIN]({ name: 'instruments' }, true).state
}

/**
 * What a connection of this user is made of; whoever holds the broker needs no password.
 * @throws NotFoundError, NotAllowedError, ClosedError.
 */
export function loginAs(broker: Broker, { virtualHost, user, name }: ConnectOptions): Login {
  return broker[LOGIN](
    {
      ...(virtualHost !== undefined && { virtualHost }),
      ...(user !== undefined && { user }),
      ...(name !== undefined && { name }),
    },
    true,
  )
}
