// The diagrams of the guides. Where a message goes is not drawn by hand: the broker itself is asked, so that a diagram
// cannot be wrong.

import type { Arguments } from '../../src/index.js'
import { Broker } from '../../src/index.js'
import { box, dot, picture, text, WIDTH, way } from './svg.js'
import { drawWorkerDiagrams } from './worker-diagrams.js'

interface Binding {
  /** What the diagram says beside the way to the queue. */
  readonly shown: readonly string[]
  readonly key: string
  readonly arguments?: Arguments
}

interface Routing {
  readonly title: string
  readonly description: string
  readonly exchange: string
  /** Undefined for the default exchange, which nobody declares. */
  readonly type?: string
  readonly messages: readonly {
    readonly shown: readonly string[]
    readonly key: string
    readonly headers?: Arguments
  }[]
  readonly queues: Readonly<Record<string, readonly Binding[]>>
  /** An exchange that takes what finds no binding, and its queue. */
  readonly alternate?: { readonly exchange: string; readonly queue: string }
}

const keyed = (...keys: string[]) => keys.map((key) => ({ shown: [key], key }))

const ROUTINGS: Readonly<Record<string, Routing>> = {
  default: {
    title: 'The default exchange',
    description: 'Every queue is bound to the default exchange by its own name. A message goes to the queue it names.',
    exchange: 'default',
    messages: keyed('mails', 'thumbs', 'mails'),
    queues: { mails: keyed('mails'), thumbs: keyed('thumbs') },
  },
  direct: {
    title: 'A direct exchange',
    description: 'A message goes to every queue bound with exactly its routing key. Message 3 matches no binding.',
    exchange: 'events',
    type: 'direct',
    messages: keyed('error', 'info', 'debug'),
    queues: { pager: keyed('error'), log: keyed('error', 'info') },
  },
  fanout: {
    title: 'A fanout exchange',
    description: 'Every bound queue gets a copy of every message, whatever its routing key.',
    exchange: 'prices',
    type: 'fanout',
    messages: keyed('eur', 'usd'),
    queues: { screen: [{ shown: [], key: '' }], cache: [{ shown: [], key: '' }], audit: [{ shown: [], key: '' }] },
  },
  topic: {
    title: 'A topic exchange',
    description: 'A message goes to the queues whose pattern matches: a star is one word, a hash any number of words.',
    exchange: 'orders',
    type: 'topic',
    messages: keyed('paid.eu', 'new.eu', 'paid.us'),
    queues: { europe: keyed('*.eu'), sales: keyed('paid.*'), audit: keyed('#') },
  },
  headers: {
    title: 'A headers exchange',
    description: 'A message goes to the queues whose binding asks for its headers: all of them, or any of them.',
    exchange: 'uploads',
    type: 'headers',
    messages: [
      { shown: ['type=png'], key: '', headers: { type: 'png' } },
      { shown: ['type=pdf', 'lang=de'], key: '', headers: { type: 'pdf', lang: 'de' } },
    ],
    queues: {
      images: [{ shown: ['type=png'], key: '', arguments: { type: 'png' } }],
      german: [{ shown: ['all of', 'type=pdf', 'lang=de'], key: '', arguments: { type: 'pdf', lang: 'de' } }],
      text: [
        {
          shown: ['any of', 'type=pdf', 'lang=en'],
          key: '',
          arguments: { 'x-match': 'any', type: 'pdf', lang: 'en' },
        },
      ],
    },
  },
  alternate: {
    title: 'An alternate exchange',
    description:
      'What finds no binding goes on to the alternate exchange. Message 2 ends in the queue of what was lost.',
    exchange: 'events',
    type: 'topic',
    messages: keyed('paid.eu', 'left', 'paid.us'),
    queues: { sales: keyed('paid.*') },
    alternate: { exchange: 'unrouted', queue: 'lost' },
  },
}

/** The numbers of the messages that are in each queue afterwards. */
async function route({ exchange: name, type, messages, queues, alternate }: Routing): Promise<Map<string, number[]>> {
  const broker = new Broker()
  const bus = broker.virtualHost('/')
  const names = [...Object.keys(queues), ...(alternate === undefined ? [] : [alternate.queue])]
  for (const queue of names) await bus.declareQueue(queue)
  if (alternate !== undefined) {
    await bus.declareExchange(alternate.exchange, 'fanout')
    await bus.queue(alternate.queue).bind(alternate.exchange, '')
  }
  const exchange =
    type === undefined
      ? bus.exchange('')
      : await bus.declareExchange(name, type, alternate && { alternateExchange: alternate.exchange })
  for (const [queue, bindings] of type === undefined ? [] : Object.entries(queues))
    for (const { key, arguments: args } of bindings)
      await bus.queue(queue).bind(name, key, args === undefined ? {} : { arguments: args })
  for (const [index, { key, headers }] of messages.entries())
    await exchange.send(key, index + 1, headers === undefined ? {} : { headers })
  const arrived = new Map(names.map((queue) => [queue, bus.peek(queue, 9).map(({ body }) => body as number)]))
  await broker.close()
  return arrived
}

const LINE = 18
const GAP = 16

/** Puts boxes of these heights under one another and answers the middle of each. */
function stack(heights: readonly number[], top: number): number[] {
  let y = top
  return heights.map((height) => {
    const middle = y + height / 2
    y += height + GAP
    return middle
  })
}
const total = (heights: readonly number[]) => heights.reduce((sum, height) => sum + height + GAP, -GAP)

async function drawRouting(routing: Routing): Promise<string> {
  const { title, description, exchange, type, messages, queues, alternate } = routing
  const arrived = await route(routing)
  const shapes: string[] = []
  const lines = Object.values(queues).map((bindings) => bindings.flatMap(({ shown }) => shown))
  const queueHeights = lines.map((shown) => Math.max(54, shown.length * LINE * 2 - 4))
  const messageHeights = messages.map(({ shown }) => 16 + shown.length * LINE)
  const inner = Math.max(total(queueHeights), total(messageHeights), 60)
  const middle = GAP + inner / 2
  const height = inner + 2 * GAP + (alternate === undefined ? 0 : 54 + GAP + 14)

  const messageMiddles = stack(messageHeights, middle - total(messageHeights) / 2)
  for (const [index, { shown }] of messages.entries()) {
    const y = messageMiddles[index] as number
    const tall = messageHeights[index] as number
    shapes.push(box(10, y - tall / 2, 106, tall, '', tall / 2 > 20 ? 17 : tall / 2), dot(27, y, index + 1))
    for (const [line, words] of shown.entries())
      shapes.push(text(41, y + 5 + (line - (shown.length - 1) / 2) * LINE, words, 'key'))
    shapes.push(
      way([
        [116, y],
        [128, y],
        [128, middle],
        [140, middle],
      ]),
    )
  }
  const pill = (y: number, name: string, of: string) => {
    shapes.push(box(142, y - 27, 92, 54, 'exchange', 27))
    shapes.push(text(188, y - 3, name, 'name mid'), text(188, y + 15, of, 'dim mid'))
  }
  pill(middle, exchange, type ?? 'exchange')

  const drawQueue = (name: string, y: number) => {
    shapes.push(box(342, y - 27, 88, 54, 'queue'), text(352, y - 6, name, 'name'))
    const numbers = arrived.get(name) ?? []
    for (const [place, number] of numbers.entries()) shapes.push(dot(361 + place * 24, y + 12, number))
    if (numbers.length === 0) shapes.push(text(352, y + 17, 'nothing', 'dim'))
  }
  const queueMiddles = stack(queueHeights, middle - total(queueHeights) / 2)
  for (const [index, name] of Object.keys(queues).entries()) {
    const y = queueMiddles[index] as number
    const shown = lines[index] as readonly string[]
    shapes.push(
      way([
        [234, middle],
        [246, middle],
        [246, y],
        [340, y],
      ]),
    )
    for (const [line, words] of shown.entries())
      shapes.push(text(252, y - 6 - (shown.length - 1 - line) * LINE, words, words.includes(' ') ? 'dim' : 'key'))
    drawQueue(name, y)
  }
  if (alternate !== undefined) {
    const y = height - GAP - 27
    shapes.push(
      way(
        [
          [188, middle + 27],
          [188, y - 29],
        ],
        'dashed',
      ),
    )
    shapes.push(text(196, (middle + y) / 2 + 4, 'no binding', 'dim'))
    pill(y, alternate.exchange, 'fanout')
    shapes.push(
      way([
        [234, y],
        [340, y],
      ]),
    )
    drawQueue(alternate.queue, y)
  }
  return picture(title, description, height, shapes)
}

/** Drawn by hand: a queue with `retry: { attempts: 3, minDelay: 1_000 }` and a dead-letter queue. */
function drawRetry(): string {
  const description =
    'A queue hands a message to a handler. When the handler resolves, the message is acknowledged and gone. When it throws, the message waits, 1 second, then 2, and comes to the queue again. After the third failure, or when it is rejected, expires or overflows, it goes through the dead-letter exchange to a queue of dead messages.'
  return picture('Retry with backoff, then dead-letter', description, 316, [
    box(10, 20, 100, 54, 'queue'),
    text(20, 42, 'mails', 'name'),
    text(20, 62, '3 attempts', 'dim'),
    way([
      [110, 47],
      [176, 47],
    ]),
    box(178, 20, 92, 54, '', 8),
    text(224, 52, 'handler', 'name mid'),
    way([
      [270, 47],
      [340, 47],
    ]),
    text(276, 39, 'resolves', 'dim'),
    text(348, 52, 'ack: gone'),
    way([
      [224, 74],
      [224, 122],
    ]),
    text(232, 102, 'throws', 'dim'),
    box(178, 124, 92, 54, 'dashed', 8),
    text(224, 147, 'waits', 'name mid'),
    text(224, 166, '1 s, then 2 s', 'dim mid'),
    way([
      [178, 151],
      [84, 151],
      [84, 76],
    ]),
    text(94, 143, 'once more', 'dim'),
    way([
      [30, 74],
      [30, 245],
      [176, 245],
    ]),
    text(38, 219, '3rd failure,', 'dim'),
    text(38, 237, 'rejected, expired,', 'dim'),
    text(38, 263, 'or one too many', 'dim'),
    box(178, 218, 112, 54, 'exchange', 27),
    text(234, 242, 'dead-letter', 'name mid'),
    text(234, 260, 'exchange', 'dim mid'),
    way([
      [290, 245],
      [320, 245],
    ]),
    box(322, 218, 108, 54, 'queue'),
    text(332, 241, 'mails.dead', 'name'),
    text(332, 261, 'with x-death', 'dim'),
    text(WIDTH / 2, 300, 'Who looks at it may move it back to its queue.', 'dim mid'),
  ])
}

/** Every diagram by the name of its file. */
export async function drawDiagrams(): Promise<Map<string, string>> {
  const drawn = new Map<string, string>()
  for (const [name, routing] of Object.entries(ROUTINGS)) drawn.set(`exchange-${name}.svg`, await drawRouting(routing))
  for (const [name, svg] of [['retry.svg', drawRetry()] as const, ...drawWorkerDiagrams()]) drawn.set(name, svg)
  return drawn
}
