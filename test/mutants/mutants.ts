/**
 * Mistakes that somebody could make in `src/`, each as an edit of one place. A suite that passes with one of them in
 * place does not test what it seems to.
 */
import type { Mutant } from './trial.js'

const queueState = 'src/broker/queue-state.ts'
const returns = 'src/broker/returns.ts'
const readyMessages = 'src/broker/ready-messages.ts'
const publishing = 'src/broker/publishing.ts'
const deadLetter = 'src/broker/dead-letter.ts'
const dispatcher = 'src/broker/dispatcher.ts'
const subscription = 'src/broker/local-subscription.ts'
const bindings = 'src/broker/bindings.ts'
const localChannel = 'src/channel/local-channel.ts'
const fifoStore = 'src/message-stores/fifo-store.ts'
const priorityStore = 'src/message-stores/priority-store.ts'
const lengthLimit = 'src/queue-arguments/length-limit.ts'

export const mutants: readonly Mutant[] = [
  // What comes back
  {
    name: 'requeue to the tail',
    file: readyMessages,
    find: 'giveBack(entry: Delivery, first?: boolean): void {\n    this.#store.giveBack(entry, first)',
    replace: 'giveBack(entry: Delivery, _first?: boolean): void {\n    this.#store.push(entry.message, entry.deadline)',
  },
  {
    name: 'what came back leaves youngest first',
    file: fifoStore,
    find: 'a.position < b.position',
    replace: 'a.position > b.position',
  },
  {
    name: 'a quorum queue puts what comes back in its old place',
    file: readyMessages,
    find: "type === 'quorum' ? 'front' : 'position'",
    replace: "type === 'quorum' ? 'position' : 'position'",
  },
  {
    name: 'redelivered not set',
    file: returns,
    find: 'delivery.again(failures, true)',
    replace: 'delivery.again(failures, false)',
  },
  {
    name: 'redelivered set on what nobody saw',
    file: returns,
    find: 'delivery.again(delivery.failures, delivery.redelivered)',
    replace: 'delivery.again(delivery.failures, true)',
  },
  {
    name: 'cancel loses what was not handed over',
    file: returns,
    find: '      else this.putBack(delivery)\n',
    replace: '',
  },
  {
    name: 'a closed channel gives back first what was not handed over',
    file: returns,
    find: 'if (this.#unhanded !== undefined) this.#unhanded.push(delivery)\n      else this.putBack(delivery)',
    replace: 'this.putBack(delivery)',
  },
  {
    name: 'a plain requeue counts as a failure',
    file: returns,
    find: 'fails ? delivery.failures + 1 : delivery.failures',
    replace: 'delivery.failures + 1',
  },
  {
    name: 'a lost consumer is no failure',
    file: returns,
    find: "this.comeBack(delivery, 'retry', undefined, true)",
    replace: "this.comeBack(delivery, 'requeue', undefined, true)",
  },
  {
    name: 'delivery limit off by one',
    file: 'src/queue-arguments/delivery-limit.ts',
    find: 'count > limit',
    replace: 'count >= limit',
  },
  {
    name: 'retries wait equally long',
    file: 'src/queue-arguments/delayed-retry.ts',
    find: 'min * Math.max(1, count)',
    replace: 'min',
  },
  {
    name: 'retries wait longer than the longest wait',
    file: 'src/queue-arguments/delayed-retry.ts',
    find: 'Math.min(min * Math.max(1, count), max)',
    replace: 'min * Math.max(1, count)',
  },

  // Consumers
  {
    name: 'credit not returned',
    file: subscription,
    find: 'settled(): void {\n    if (!this.noAck && this.credit++ === 0 && this.open) this.queue.consumerReady(this)',
    replace: 'settled(): void {',
  },
  {
    name: 'credit without end',
    file: queueState,
    find: 'if (!consumer.noAck) consumer.credit--',
    replace: 'if (consumer.noAck) consumer.credit--',
  },
  {
    name: 'a message is stored although a consumer waits',
    file: queueState,
    find: 'this.#ready.length === 0) {\n      const consumer = this.#next()',
    replace: 'this.#ready.length === 0) {\n      const consumer = this.paused ? this.#next() : undefined',
  },
  {
    name: 'round robin stuck on the first',
    file: dispatcher,
    find: 'else if (consumer.next !== consumer) this.#ring(consumer.priority).first = consumer.next',
    replace: '',
  },
  {
    name: 'a consumer of a classic queue loses its place with its last credit',
    file: dispatcher,
    find: '(this.#strict || consumer.once)',
    replace: '(this.#strict || !consumer.noAck)',
  },
  {
    name: 'consumers of lower priority first',
    file: dispatcher,
    find: 'ring.priority > priority',
    replace: 'ring.priority < priority',
  },
  {
    name: 'every consumer of a single-active-consumer queue is active',
    file: dispatcher,
    find: 'if ((paused || this.#singleActive) && !first.once) break\n',
    replace: 'if (paused && !first.once) break\n',
  },
  {
    name: 'a paused queue goes on',
    file: queueState,
    find: 'next(this.paused)',
    replace: 'next(false)',
  },
  {
    name: 'auto-delete too early',
    file: queueState,
    find: '!consumer.once && this.consumerCount === 0',
    replace: '!consumer.once && this.consumerCount <= 1',
  },

  // Expiry
  {
    name: 'expiry looks behind the head',
    file: fifoStore,
    find: 'if (this.#returned !== undefined && this.#returned.length > 0) return this.#returned.peek()?.deadline ?? 0\n',
    replace: '',
  },
  {
    name: 'TTL restarts on requeue',
    file: 'src/delivery.ts',
    find: 'this.message, this.position, this.deadline,',
    replace: 'this.message, this.position, this.deadline === 0 ? 0 : this.deadline + 1_000_000,',
  },
  {
    name: 'the longer of two times to live counts',
    file: 'src/broker/head-expiry.ts',
    find: 'Math.min(Number(expiration), queueTtl ?? Number.POSITIVE_INFINITY)',
    replace: 'Math.max(Number(expiration), queueTtl ?? 0)',
  },
  {
    name: 'an expired message is handed to a get',
    file: queueState,
    find: 'this.#used()\n    this.#ready.expire()\n    if (this',
    replace: 'this.#used()\n    if (this',
  },
  {
    name: 'nothing expires by itself',
    file: 'src/broker/head-expiry.ts',
    find: 'if (deadline !== 0) this.#lookAt(deadline)',
    replace: '',
  },

  // Limits and priorities
  {
    name: 'limit off by one',
    file: lengthLimit,
    find: 'this.#held > this.#length',
    replace: 'this.#held >= this.#length',
  },
  {
    name: 'drop-head drops the tail',
    file: lengthLimit,
    find: '  stored(message: Message): boolean {\n    this.#limit.count(message, 1)\n    this.unparked',
    replace:
      '  admit(message: Message): boolean {\n    return !this.#limit.wouldExceed(message)\n  }\n\n' +
      '  stored(message: Message): boolean {\n    this.#limit.count(message, 1)\n    this.unparked',
  },
  {
    name: 'reject-publish accepts',
    file: lengthLimit,
    find: 'if (!this.#limit.wouldExceed(message)) return true\n    if (this.#deadLetters)',
    replace: 'if (this.#limit.host.ready >= 0) return true\n    if (this.#deadLetters)',
  },
  {
    name: 'block never releases',
    file: lengthLimit,
    find: 'if (this.#withheld.length > 0 && this.#limit.hasRoom) this.dispose()',
    replace: '',
  },
  {
    name: 'block releases while the queue is still full',
    file: lengthLimit,
    find: 'this.#withheld.length > 0 && this.#limit.hasRoom',
    replace: 'this.#withheld.length > 0 && !this.#limit.exceeded',
  },
  {
    name: 'retries do not count towards the limit',
    file: lengthLimit,
    find: 'this.host.ready + this.host.delayed',
    replace: 'this.host.ready',
  },
  {
    name: 'bytes are not given back',
    file: lengthLimit,
    find: 'sign * sizeOf(message)',
    replace: 'sizeOf(message)',
  },
  {
    name: 'priority inverted',
    file: priorityStore,
    find: '#highest(): FifoStore<E> | undefined {\n    for (let level = this.#levels.length - 1; level >= 0; level--) {',
    replace: '#highest(): FifoStore<E> | undefined {\n    for (let level = 0; level < this.#levels.length; level++) {',
  },
  {
    name: 'purge forgets its counter',
    file: queueState,
    find: 'this.counters.purged += purged\n',
    replace: '',
  },

  // Dead letters
  {
    name: 'cycle check off',
    file: deadLetter,
    find: "if (death['queue'] === queue) return true",
    replace: "if (death['queue'] === queue) return false",
  },
  {
    name: 'a cycle ends although somebody rejected the message',
    file: deadLetter,
    find: "if (death['reason'] === 'rejected') return false\n",
    replace: '',
  },
  {
    name: 'dead letter loses CC',
    file: deadLetter,
    find: '    ...old,\n',
    replace: '    ...old,\n    CC: undefined,\n',
  },
  {
    name: 'dead letter keeps its expiration',
    file: deadLetter,
    find: '= { ...properties, headers }',
    replace: '= { ...properties, ...(expiration === undefined ? {} : { expiration }), headers }',
  },
  {
    name: 'a second death does not move to the front',
    file: deadLetter,
    find: 'return [again, ...history.filter((death) => death !== known)]',
    replace: 'return history.map((death) => (death === known ? again : death))',
  },
  {
    name: 'a dead-letter routing key routes beside the copies of the message',
    file: publishing,
    find: 'if (routingKey === undefined && exchange.type.keyless !== true) {',
    replace: 'if (exchange.type.keyless !== true) {',
  },

  // Routing
  {
    name: 'two copies per queue',
    file: publishing,
    find: 'if (target.visited === this.#visit) return\n',
    replace: '',
  },
  {
    name: 'alternate exchange always used',
    file: publishing,
    find: 'if (this.#matches === 0 && exchange.alternate !== undefined) {',
    replace: 'if (exchange.alternate !== undefined) {',
  },
  {
    name: 'unbind removes all keys',
    file: bindings,
    find: 'checkAccess(binding.destination as QueueState, owner)\n    this.take(binding)',
    replace:
      'checkAccess(binding.destination as QueueState, owner)\n' +
      '    for (const other of [...source.bindings.values()]) {\n' +
      '      if (other.destination === binding.destination) this.take(other)\n    }',
  },
  {
    name: 'consumers see BCC',
    file: 'src/channel/check-message.ts',
    find: 'headers: shown',
    replace: 'headers: { ...shown, BCC }',
  },
  {
    name: 'a delayed send is not delayed',
    file: localChannel,
    find: 'delay > 0\n',
    replace: 'delay < 0\n',
  },
]
