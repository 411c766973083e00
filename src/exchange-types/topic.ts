/**
 * The topic exchange: a message goes where its routing key matches the binding key, word by word (XT-04 to XT-07).
 */
import type { Message } from '../message.js'
import type { ExchangeType, RoutedBinding, Router, RouteSink } from './exchange-type.js'
import { TopicTrie } from './topic-trie.js'

/** So many removals are always put up with. */
const MIN_REMOVED = 64

class TopicRouter implements Router {
  #trie = new TopicTrie()
  #bound = 0
  #removed = 0

  /** How much room the bindings take; for tests. @internal */
  get size(): number {
    return this.#trie.size
  }

  add(binding: RoutedBinding): void {
    this.#bound++
    this.#trie.add(binding)
  }

  remove(binding: RoutedBinding): void {
    this.#bound--
    this.#removed++
    this.#trie.remove(binding)
    // The trie keeps the nodes of a removed key. A new one when they may be the majority costs O(1) a removal, amortised.
    if (this.#removed < MIN_REMOVED || this.#removed < this.#bound) return
    const trie = new TopicTrie()
    for (const bound of this.#trie.bindings()) trie.add(bound)
    this.#trie = trie
    this.#removed = 0
  }

  route(routingKey: string, _message: Message, sink: RouteSink): void {
    this.#trie.match(routingKey, sink)
  }
}

/** Routes by patterns: `*` is exactly one word, `#` any number of words, both only as whole words. */
export const topicExchange: ExchangeType = {
  name: 'topic',
  createRouter: () => new TopicRouter(),
}
