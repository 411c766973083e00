/**
 * `leveret/exchange-types`: the exchange types that RabbitMQ has as plug-ins, for the broker's option `exchangeTypes`.
 * Each type is one file here, made with nothing but the contract that an application's own types are made with. Beside them
 * is the plug-in that publishes a broker's events to an exchange.
 */
export { consistentHash } from './consistent-hash.js'
export { delayedMessage } from './delayed-message.js'
export { publishEvents } from './event-exchange.js'
export { random } from './random.js'
export { recentHistory } from './recent-history.js'
