/** What the other entries of this package may use beside the public surface. It is not in the exports map. */
export { NO_ARGUMENTS } from './arguments.js'
export { exchangeDeclaration } from './handles/exchange.js'
export { queueDeclaration } from './handles/queue-options.js'
export * from './index.js'
export { describe } from './names.js'
