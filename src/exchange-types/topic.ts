/**
 * The topic exchange: a message goes where its routing key matches the binding key, word by word (XT-04 to XT-07).
 *
 * The binding keys form a trie of words. A key walks it one word at a time as a set of nodes, never by recursion, so
 * that a key costs at most its words times the nodes, however many `#` there are.
 */
import type { Message } from '../message.js'
import { BindingList } from './binding-list.js'
import type { Destination, ExchangeType, RoutedBinding, Router, RouteSink } from './exchange-type.js'

class TopicNode {
  readonly parent: TopicNode | undefined
  readonly word: string
  readonly children = new Map<string, TopicNode>()
  readonly bindings = new BindingList<Destination>()

  constructor(parent: TopicNode | undefined, word: string) {
    this.parent = parent
    this.word = word
  }
}

/** The words of a key: the empty key has none, "a." has two, of which one is empty (XT-04). */
function wordsOf(key: string): string[] {
  return key === '' ? [] : key.split('.')
}

class TopicRouter implements Router {
  readonly #root = new TopicNode(undefined, '')

  add(binding: RoutedBinding): void {
    let node = this.#root
    for (const word of wordsOf(binding.routingKey)) {
      let child = node.children.get(word)
      if (child === undefined) node.children.set(word, (child = new TopicNode(node, word)))
      node = child
    }
    node.bindings.add(binding, binding.destination)
  }

  remove(binding: RoutedBinding): void {
    let node: TopicNode | undefined = this.#root
    for (const word of wordsOf(binding.routingKey)) node = node?.children.get(word)
    node?.bindings.remove(binding)
    while (node?.parent !== undefined && node.bindings.entries.length === 0 && node.children.size === 0) {
      node.parent.children.delete(node.word)
      node = node.parent
    }
  }

  route(routingKey: string, _message: Message, sink: RouteSink): void {
    let nodes = new Set<TopicNode>()
    enter(nodes, this.#root)
    for (const word of wordsOf(routingKey)) {
      const next = new Set<TopicNode>()
      for (const node of nodes) {
        if (node.word === '#') enter(next, node)
        if (word !== '*' && word !== '#') enter(next, node.children.get(word))
        enter(next, node.children.get('*'))
      }
      nodes = next
    }
    for (const node of nodes) for (const destination of node.bindings.entries) sink.add(destination)
  }
}

/** Enters a node and, because `#` may stand for no word at all, the `#` behind it. */
function enter(nodes: Set<TopicNode>, node: TopicNode | undefined): void {
  for (; node !== undefined && !nodes.has(node); node = node.children.get('#')) nodes.add(node)
}

/** Routes by patterns: `*` is exactly one word, `#` any number of words, both only as whole words. */
export const topicExchange: ExchangeType = {
  name: 'topic',
  createRouter: () => new TopicRouter(),
}
