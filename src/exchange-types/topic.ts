/**
 * The topic exchange: a message goes where its routing key matches the binding key, word by word (XT-04 to XT-07).
 */
import type { Message } from '../message.js'
import type { Destination, ExchangeType, RoutedBinding, Router, RouteSink } from './exchange-type.js'
import { nearKey } from './near-key.js'
import { RouteCache } from './route-cache.js'
import { TopicTrie } from './topic-trie.js'
import { matchWords, wordsOf } from './topic-words.js'
import type { BindingVerdict, Nearness } from './verdict.js'

/** So many removals are always put up with. */
const MIN_REMOVED = 64

/** Collects the route of one key for the cache. */
class Collector implements RouteSink {
  #destinations: Destination[] = []

  add(destination: Destination): void {
    this.#destinations.push(destination)
  }

  /** What was added since the last time. */
  take(): readonly Destination[] {
    const destinations = this.#destinations
    this.#destinations = []
    return destinations
  }
}

class TopicRouter implements Router {
  /** Made by the first binding: most topic exchanges of most brokers, the predeclared ones, never have one. */
  #trie: TopicTrie | undefined
  readonly #cache = new RouteCache()
  readonly #collector = new Collector()
  #bound = 0
  #removed = 0

  /** How much room the bindings take; for tests. @internal */
  get size(): number {
    return this.#trie?.size ?? 0
  }

  add(binding: RoutedBinding): void {
    this.#bound++
    this.#trie ??= new TopicTrie()
    this.#trie.add(binding)
    this.#cache.clear()
  }

  remove(binding: RoutedBinding): void {
    if (this.#trie === undefined) return
    this.#bound--
    this.#removed++
    this.#trie.remove(binding)
    this.#cache.clear()
    // The trie keeps the steps of a removed key. A new one when they may be the most costs O(1) a removal, amortised.
    if (this.#removed < MIN_REMOVED || this.#removed < this.#bound) return
    const trie = new TopicTrie()
    for (const bound of this.#trie.bindings()) trie.add(bound)
    this.#trie = trie
    this.#removed = 0
  }

  route(routingKey: string, _message: Message, sink: RouteSink): void {
    const matcher = this.#trie
    if (matcher === undefined) return
    if (this.#cache.resting()) {
      matcher.match(routingKey, sink)
      return
    }
    let destinations = this.#cache.get(routingKey)
    if (destinations === undefined) {
      matcher.match(routingKey, this.#collector)
      destinations = this.#collector.take()
      this.#cache.set(routingKey, destinations)
    }
    for (let i = 0; i < destinations.length; i++) sink.add(destinations[i] as Destination)
  }

  explain(binding: RoutedBinding, routingKey: string): BindingVerdict {
    const { matched, words, left } = matchWords(wordsOf(binding.routingKey), wordsOf(routingKey))
    return { matched, reason: { kind: 'words', words, left } }
  }

  near(binding: RoutedBinding, routingKey: string): Nearness | undefined {
    return nearKey(binding.routingKey, routingKey, true)
  }
}

/** Routes by patterns: `*` is exactly one word, `#` any number of words, both only as whole words. */
export const topicExchange: ExchangeType = {
  name: 'topic',
  createRouter: () => new TopicRouter(),
}
