/** The way of a test kit to what is behind a broker: its state, and the place for a tracker. */
import type { BrokerState } from '../broker/broker-state.js'
import { type Broker, LOGIN } from './broker.js'

/** The state of a broker that is open, and whose `guest` may log in, as in every new one. */
export function stateOf(broker: Broker): BrokerState {
  return broker[LOGIN]({ name: 'instruments' }).state
}
