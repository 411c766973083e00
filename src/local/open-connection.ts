/** AMQP's own connections, for facades and listeners: applications that have none bundle none of it. */
import { AmqpConnection, type AmqpConnectionListener } from '../channel/amqp-connection.js'
import { type Broker, LOGIN } from './broker.js'
import type { ConnectOptions } from './broker-options.js'

/**
 * Opens a connection that speaks AMQP's own model; `channelMax` of 0 is as many as numbers reach.
 * @throws as `broker.connect` does.
 */
export function openConnection(
  broker: Broker,
  options: ConnectOptions & { readonly channelMax?: number },
  listener: AmqpConnectionListener,
): AmqpConnection {
  const { state, virtualHost, name, rights } = broker[LOGIN](options)
  return new AmqpConnection(state, virtualHost, { name, rights, channelMax: options.channelMax ?? 2047 }, listener)
}
