/** The exchange types that every broker has. A new built-in type is one file and one line here. */
import { directExchange } from './direct.js'
import type { ExchangeType } from './exchange-type.js'
import { fanoutExchange } from './fanout.js'
import { headersExchange } from './headers.js'
import { topicExchange } from './topic.js'

/** The built-in exchange types. */
export const BUILT_IN_EXCHANGE_TYPES: readonly ExchangeType[] = Object.freeze([
  directExchange,
  fanoutExchange,
  topicExchange,
  headersExchange,
])
