/**
 * The binding keys of a topic exchange as a trie of words, laid out for speed. With 10,000 binding keys the time goes
 * into cache misses, so what one routing key touches has to be little and close together:
 *
 * - `#steps` is the trie. A step is four integers; a node is a chain of steps, named by the place of its first. What one
 *   binding key adds lies side by side: `a.*` is "by `a` to the next", "by `*` to the next", "binding 0 ends here".
 * - `#edges` has the second and further literal words of a node: a hash table of steps, probed linearly.
 * - `#text` has the words, each once, with a dot after it. Routing neither splits the routing key nor takes substrings:
 *   it compares character codes, and hashes a word only where a node has many.
 *
 * A routing key is matched by a set of nodes that moves one word at a time, never by recursion. No node is visited twice
 * at a word, so a key costs at most its words times the nodes, however many `#` there are.
 *
 * Steps are only ever added: the router gets rid of those that removals leave behind by building a new trie.
 */
import type { Destination, RoutedBinding, RouteSink } from './exchange-type.js'
import { wordsOf } from './topic-words.js'

// The fields of a step.
/** The place of its word in #text, or a mark: see below. 0 is a free place in #edges. */
const WORD = 0
/** The node it leads to. Of END: the index of the destination. */
const TARGET = 1
/** The node's next step, or 0. In #edges: the node. */
const NEXT = 2
/** In #edges: the hash of its word. Of POUND: its place in #pounds. Of END: the next END of the same node, or 0. */
const EXTRA = 3
const STEP = 4

// The marks. A node's chain has each at most once, and at most one literal word.
const STAR = -1
const POUND = -2
const END = -3
/** There are literal words in #edges. Also what the root begins with, as it is there before any word. */
const MORE = -4

/** Stands for any literal word: those steps have no mark, their WORD is positive. */
const LITERAL = 1

const DOT = 46

/** The binding keys of one exchange. */
export class TopicTrie {
  #steps = new Int32Array(16 * STEP)
  #stepsEnd = STEP
  #edges = new Int32Array(16 * STEP)
  #edgeCount = 0
  #text = new Uint16Array(64)
  // n.b. 0 would be a free place.
  #textEnd = 1
  /** The place of each word in #text. */
  readonly #words = new Map<string, number>()
  readonly #destinations: (Destination | undefined)[] = []
  /** The place of each binding in #destinations. */
  readonly #indexes = new Map<RoutedBinding, number>()

  // Scratch of `match`, emptied by counting from 0.
  /** The nodes to visit at the word in hand. */
  #nodes: number[] = []
  /** The nodes to visit at the next word. */
  #found: number[] = []
  /** The `#` steps met so far: they take every further word, so that what is behind them is visited at each. */
  readonly #pounds: number[] = []
  #poundCount = 0

  /** How many nodes the last `match` visited; for tests. @internal */
  visited = 0

  constructor() {
    this.#steps[WORD] = MORE
  }

  /** How much room the trie takes, in steps and characters; for tests. @internal */
  get size(): number {
    return this.#stepsEnd / STEP + this.#edgeCount + this.#textEnd + this.#destinations.length
  }

  /** All bindings. */
  bindings(): Iterable<RoutedBinding> {
    return this.#indexes.keys()
  }

  /** Takes a binding. */
  add(binding: RoutedBinding): void {
    const index = this.#destinations.push(binding.destination) - 1
    this.#indexes.set(binding, index)
    let node = 0
    for (const word of wordsOf(binding.routingKey)) node = this.#follow(node, word) || this.#extend(node, word)
    const first = this.#stepOf(node, END)
    if (first === -1) this.#append(node, END, index, 0)
    else {
      // n.b. pushing may replace #steps, so it comes before the assignment.
      const end = this.#push(END, index, this.#steps[first + EXTRA] as number)
      this.#steps[first + EXTRA] = end
    }
  }

  /** Forgets a binding; its steps stay. */
  remove(binding: RoutedBinding): void {
    const index = this.#indexes.get(binding)
    if (index === undefined) return
    this.#indexes.delete(binding)
    this.#destinations[index] = undefined
  }

  /** Adds to `sink` the destination of every binding whose key matches the routing key. */
  match(key: string, sink: RouteSink): void {
    const steps = this.#steps
    let nodes = this.#nodes
    let found = this.#found
    let count = 1
    nodes[0] = 0
    this.#poundCount = 0
    this.visited = 0
    // n.b. the empty key has no words, while "a." has two, one of them empty (XT-04).
    for (let start = key === '' ? 1 : 0, end = 0; count + this.#poundCount > 0; start = end + 1) {
      const ended = start > key.length
      if (!ended) end = key.indexOf('.', start)
      if (end === -1) end = key.length
      let hash = 0
      let foundCount = 0
      // Every `#` met at an earlier word takes this word as well.
      for (let i = 0; i < this.#poundCount; i++) nodes[count++] = steps[(this.#pounds[i] as number) + TARGET] as number
      for (let i = 0; i < count; i++) {
        const node = nodes[i] as number
        let step = node
        do {
          const word = steps[step + WORD] as number
          if (word === POUND) {
            // It may also stand for no word at all: what is behind it is visited at once.
            if (this.#meet(step)) nodes[count++] = steps[step + TARGET] as number
          } else if (ended) {
            if (word === END) this.#deliver(step, sink)
          } else if (word > 0) {
            if (this.#spells(word, key, start, end)) found[foundCount++] = steps[step + TARGET] as number
          } else if (word === STAR) {
            found[foundCount++] = steps[step + TARGET] as number
          } else if (word === MORE) {
            if (hash === 0) hash = hashOf(key, start, end)
            const child = this.#edge(node, key, start, end, hash)
            if (child !== 0) found[foundCount++] = child
          }
          step = steps[step + NEXT] as number
        } while (step !== 0)
      }
      this.visited += count
      if (ended) return
      const visited = nodes
      nodes = found
      found = visited
      count = foundCount
    }
  }

  /** Adds to `sink` the destinations of all binding keys that end with `step`. */
  #deliver(step: number, sink: RouteSink): void {
    for (let end = step; end !== 0; end = this.#steps[end + EXTRA] as number) {
      const destination = this.#destinations[this.#steps[end + TARGET] as number]
      if (destination !== undefined) sink.add(destination)
    }
  }

  /** Adds a `#` step to those met; false if it is one of them already. */
  #meet(step: number): boolean {
    const place = this.#steps[step + EXTRA] as number
    // n.b. the field is what some earlier match left, unless #pounds agrees.
    if (place < this.#poundCount && this.#pounds[place] === step) return false
    this.#steps[step + EXTRA] = this.#poundCount
    this.#pounds[this.#poundCount++] = step
    return true
  }

  /** True when the word at `word` of #text is what `key` has from `start` to `end`. */
  #spells(word: number, key: string, start: number, end: number): boolean {
    const text = this.#text
    let at = word
    for (let i = start; i < end; i++) if (text[at++] !== key.charCodeAt(i)) return false
    return text[at] === DOT
  }

  /** Where a word leads from `node` by #edges; 0 if nowhere. */
  #edge(node: number, key: string, start: number, end: number, hash: number): number {
    const edges = this.#edges
    const mask = edges.length - 1
    for (let at = edgeAt(node, hash) & mask; ; at = (at + STEP) & mask) {
      const word = edges[at + WORD] as number
      if (word === 0) return 0
      if (edges[at + EXTRA] === hash && edges[at + NEXT] === node && this.#spells(word, key, start, end)) {
        return edges[at + TARGET] as number
      }
    }
  }

  /** Where a word of a binding key leads from `node`; 0 if nowhere. */
  #follow(node: number, word: string): number {
    const mark = markOf(word)
    const step = this.#stepOf(node, mark)
    if (step !== -1 && (mark !== LITERAL || this.#spells(this.#steps[step + WORD] as number, word, 0, word.length))) {
      return this.#steps[step + TARGET] as number
    }
    return mark === LITERAL ? this.#edge(node, word, 0, word.length, hashOf(word, 0, word.length)) : 0
  }

  /** Makes the node that a word of a binding key leads to from `node`. The step that is pushed next is its first. */
  #extend(node: number, word: string): number {
    const mark = markOf(word)
    if (mark !== LITERAL) this.#append(node, mark, this.#stepsEnd + STEP, 0)
    else if (this.#stepOf(node, LITERAL) === -1 && this.#stepOf(node, MORE) === -1) {
      this.#append(node, this.#addWord(word), this.#stepsEnd + STEP, 0)
    } else {
      if (this.#stepOf(node, MORE) === -1) this.#append(node, MORE, 0, 0)
      this.#addEdge(this.#addWord(word), this.#stepsEnd, node, hashOf(word, 0, word.length))
    }
    return this.#stepsEnd
  }

  /** The node's step with that mark; -1 if it has none. */
  #stepOf(node: number, mark: number): number {
    // A node that was made a moment ago has no steps.
    if (node === this.#stepsEnd) return -1
    let at = node
    do {
      const word = this.#steps[at + WORD] as number
      if ((word > 0 ? LITERAL : word) === mark) return at
      at = this.#steps[at + NEXT] as number
    } while (at !== 0)
    return -1
  }

  /** Adds a step to the node's chain. */
  #append(node: number, word: number, target: number, extra: number): void {
    const step = this.#push(word, target, extra)
    if (step === node) return
    let last = node
    while (this.#steps[last + NEXT] !== 0) last = this.#steps[last + NEXT] as number
    this.#steps[last + NEXT] = step
  }

  #push(word: number, target: number, extra: number): number {
    const at = this.#stepsEnd
    this.#stepsEnd += STEP
    if (this.#stepsEnd > this.#steps.length) {
      const steps = this.#steps
      this.#steps = new Int32Array(steps.length * 2)
      this.#steps.set(steps)
    }
    this.#steps[at + WORD] = word
    this.#steps[at + TARGET] = target
    this.#steps[at + EXTRA] = extra
    return at
  }

  #addEdge(word: number, target: number, node: number, hash: number): void {
    const edges = this.#edges
    // At most three quarters full: fuller makes probing long, emptier makes the table miss the cache.
    if (++this.#edgeCount * STEP * 4 > edges.length * 3) {
      this.#edges = new Int32Array(edges.length * 2)
      for (let at = 0; at < edges.length; at += STEP) {
        if (edges[at + WORD] !== 0) this.#placeEdge(edges.subarray(at, at + STEP))
      }
    }
    this.#placeEdge([word, target, node, hash])
  }

  #placeEdge(edge: ArrayLike<number>): void {
    const edges = this.#edges
    const mask = edges.length - 1
    let at = edgeAt(edge[NEXT] as number, edge[EXTRA] as number) & mask
    while (edges[at + WORD] !== 0) at = (at + STEP) & mask
    edges.set(edge, at)
  }

  /** The place of a word in #text. */
  #addWord(word: string): number {
    const known = this.#words.get(word)
    if (known !== undefined) return known
    const place = this.#textEnd
    this.#textEnd += word.length + 1
    while (this.#textEnd > this.#text.length) {
      const text = this.#text
      this.#text = new Uint16Array(text.length * 2)
      this.#text.set(text)
    }
    for (let i = 0; i < word.length; i++) this.#text[place + i] = word.charCodeAt(i)
    this.#text[place + word.length] = DOT
    this.#words.set(word, place)
    return place
  }
}

/** `*` and `#` mean something as whole words only (XT-06). */
function markOf(word: string): number {
  return word === '*' ? STAR : word === '#' ? POUND : LITERAL
}

function hashOf(key: string, start: number, end: number): number {
  let hash = 0
  for (let i = start; i < end; i++) hash = ((hash << 5) - hash + key.charCodeAt(i)) | 0
  return hash
}

/** Where an edge is looked for first, before the table's mask: a multiple of STEP. */
function edgeAt(node: number, hash: number): number {
  const mixed = Math.imul(hash ^ Math.imul(node, 0x9e3779b1), 0x85ebca6b)
  return (mixed ^ (mixed >>> 15)) << 2
}
