// Mistakes in leveret, one for each of many rules: with one of them in place the row of its rule must turn red. The text to
// find must be in the file exactly once.

export interface ConformanceMutant {
  readonly rule: string
  readonly file: string
  readonly find: string
  readonly replace: string
}

const mutant = (rule: string, file: string, find: string, replace: string): ConformanceMutant => ({
  rule,
  file: `src/${file}`,
  find,
  replace,
})

const amqp = 'channel/local-amqp-channel.ts'
const consumers = 'channel/amqp-consumers.ts'
const channel = 'channel/local-channel.ts'
const virtualHost = 'broker/virtual-host-state.ts'
const bindings = 'broker/bindings.ts'

export const CONFORMANCE_MUTANTS: readonly ConformanceMutant[] = [
  mutant('GEN-03', virtualHost, 'new NotFoundError(`no exchange', 'new NotFoundError(`missing exchange'),
  mutant('GEN-06', 'names.ts', "name.replace(/[\\r\\n]/g, '')", 'name'),
  mutant('GEN-08', amqp, 'this.#currentQueue = info.name', ''),
  mutant('GEN-09', amqp, "queue === '' && routingKey === '' ? destination", "queue === ' ' ? destination"),
  mutant('EX-03', 'broker/equivalence.ts', "checkEquivalent(title, 'internal'", "void (title, 'internal'"),
  mutant('EX-10', virtualHost, '`deletion of system exchange', '`deletion of exchange'),
  mutant('EX-12', virtualHost, 'ifUnused && exchange.bindings.size > 0', 'ifUnused && exchange.incoming.size > 0'),
  mutant(
    'EX-14',
    bindings,
    'source.autoDelete && source.bindings.size === 0',
    'source.autoDelete && source.bindings.size < 0',
  ),
  mutant('XT-05', 'exchange-types/topic-trie.ts', "'#'", "'##'"),
  mutant(
    'XT-14',
    'exchange-types/headers.ts',
    'if (value === null || value === undefined) return true',
    'if (value === undefined) return true',
  ),
  mutant('XT-08', 'broker/publishing.ts', 'if (target.visited === this.#visit) return', ''),
  mutant('AE-01', 'broker/publishing.ts', 'this.#matches === 0 && exchange.alternate', 'exchange.alternate'),
  mutant(
    'Q-09',
    virtualHost,
    'const durable = declaration.durable && !declaration.exclusive',
    'const durable = declaration.durable',
  ),
  mutant(
    'Q-17',
    'broker/queue-state.ts',
    '!consumer.once && this.consumerCount === 0',
    '!consumer.once && this.consumerCount < 0',
  ),
  mutant('Q-25', 'broker/queue-state.ts', 'const purged = this.ready', 'const purged = 0'),
  mutant('BIND-02', bindings, 'if (source.bindings.has(identity)) return', ''),
  mutant('PUB-08', 'broker/publishing.ts', "message.properties.headers?.['CC']", "message.properties.headers?.['cc']"),
  mutant('PUB-10', 'channel/check-message.ts', '{ ...properties, headers: shown }', 'properties'),
  mutant('PUB-13', 'channel/check-message.ts', 'if (expiration !== undefined) checkExpiration(expiration)', ''),
  mutant('PUB-15', 'channel/check-message.ts', 'deliveryMode !== 1 && deliveryMode !== 2', 'deliveryMode > 255'),
  mutant('TTL-05', 'broker/head-expiry.ts', 'Math.min(', 'Math.max('),
  mutant(
    'LEN-02',
    'queue-arguments/length-limit.ts',
    'this.#held > this.#length || this.#bytesHeld',
    'this.#held > this.#length + 1 || this.#bytesHeld',
  ),
  mutant('PRI-02', 'message-stores/priority-store.ts', 'Math.min(', 'Math.max('),
  mutant('GET-01', amqp, 'messageCount: this.#channel.readyOf(delivery)', 'messageCount: 0'),
  mutant('CON-03', channel, '`attempt to reuse consumer tag', '`another consumer has the tag'),
  mutant(
    'CON-05',
    channel,
    'options.exclusive && (queue.consumerCount > 0',
    'options.exclusive && (queue.consumerCount > 9',
  ),
  mutant(
    'CON-09',
    'broker/dispatcher.ts',
    'else if (consumer.next !== consumer)',
    'else if (consumer.next === consumer)',
  ),
  mutant('CON-12', consumers, 'void subscription.cancel()', ''),
  mutant('QOS-02', amqp, 'if (!global) this.#consumers.prefetch', 'if (global) this.#consumers.prefetch'),
  mutant('QOS-04', amqp, 'global ? prefetchCount : 0', '0'),
  mutant('ACK-04', 'channel/taken.ts', 'if (multiple && deliveryTag === 0)', 'if (multiple && deliveryTag < 0)'),
  mutant('ACK-12', 'broker/returns.ts', 'delivery.again(failures, true)', 'delivery.again(failures, false)'),
  mutant(
    'DLX-05',
    'broker/dead-letter.ts',
    'const { expiration, ...properties } = message.properties',
    'const { ...properties } = message.properties',
  ),
  mutant('DLX-12', 'broker/dead-letter.ts', "if (death['queue'] === queue) return true", ''),
  mutant('CNF-02', amqp, 'publish - this.#unnumbered', 'publish'),
  mutant('CNF-07', amqp, "outcome === 'accepted')", 'true)'),
  mutant('TX-06', 'channel/transaction.ts', 'putIn(this.#held, taken)', "settleTaken(this.#held, taken, 'requeue')"),
  mutant('TX-12', 'channel/transaction.ts', "if (publish() === 'refused') refused = true", 'publish()'),
  mutant('DRT-04', 'channel/check-message.ts', '{ ...properties, replyTo }', 'properties'),
  mutant('CCN-01', consumers, 'this.#home.notice(() => this.#listener.cancelled(subscription.consumerTag))', ''),
  mutant('CH-07', 'channel/connection.ts', 'if (queue.owner === this)', 'if (queue.owner === undefined)'),
  mutant('USR-02', 'broker/rights.ts', 'regexes[right].test(name) === true', 'regexes[right].test(name) !== undefined'),
  mutant('POL-02', 'broker/policies.ts', 'policy.priority <= best.priority', 'policy.priority >= best.priority'),
  mutant(
    'POL-10',
    'broker/policies.ts',
    "typeof value === 'number' ? least(definition[key], value) : value",
    "typeof value === 'number' ? (definition[key] ?? value) : value",
  ),
]
