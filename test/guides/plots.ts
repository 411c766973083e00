// The plots of docs/performance.md, from what the benches measured: drawn when `npm run bench -- --save` writes the
// figures, and checked in beside them.
import { readFileSync } from 'node:fs'
import { picture, text, WIDTH } from './svg.js'

/** What results.json holds, as far as it is drawn. */
export interface Report {
  readonly bars: readonly {
    readonly id: string
    readonly figures: Readonly<Record<string, Readonly<Record<string, number>>>>
  }[]
}

interface Row {
  readonly label: string
  readonly value: number
  /** A bar of ours, not one of what we are compared with. */
  readonly own: boolean
}

interface Plot {
  readonly title: string
  readonly unit: 'ns' | 'µs' | 'ms' | 'bytes'
  /** A logarithmic scale shows ratios where the figures lie far apart. */
  readonly log: boolean
  readonly groups: readonly { readonly name: string; readonly rows: readonly Row[] }[]
}

/** A row: label, bar, variant, figure. */
type Source = readonly [label: string, bar: string, variant: string, figure: string]

interface PlotSource extends Omit<Plot, 'groups'> {
  readonly groups: Readonly<Record<string, readonly Source[]>>
}

const PLOTS: Readonly<Record<string, PlotSource>> = {
  'performance-message.svg': {
    title: 'Time of one message, from publish to ack (logarithmic)',
    unit: 'ns',
    log: true,
    groups: {
      'publish, consume by callback': [
        ['leveret', 'P1', 'leveret', 'ns'],
        ['smqp', 'P1', 'smqp', 'ns'],
        ['a bare emit to a listener', 'P1', 'emit', 'ns'],
      ],
      'await send, run an async handler': [
        ['leveret', 'P1b', 'leveret', 'ns'],
        ['smqp', 'P1b', 'smqp', 'ns'],
        ['an awaited promise', 'P1b', 'promises', 'ns'],
      ],
      'publish, for await': [
        ['leveret', 'P2', 'bursts', 'ns'],
        ['smqp, by callback', 'P2', 'smqp', 'ns'],
        ['a bare for await', 'P2', 'for await', 'ns'],
      ],
    },
  },
  'performance-routing.svg': {
    title: 'Routing: time of one message, or of one copy (logarithmic)',
    unit: 'ns',
    log: true,
    groups: {
      'topic exchange, keys all different': [
        ['leveret, 100 wildcard bindings, to ack', 'P3', '100 bindings', 'ns'],
        ['leveret, 10,000 wildcard bindings, to ack', 'P3', 'leveret', 'ns'],
        ['qlobber, 10,000, its match alone', 'P3', 'qlobber', 'ns'],
      ],
      'the same with 1,000 keys': [
        ['leveret, to ack', 'P3', '1,000 keys', 'ns'],
        ['qlobber, its match alone', 'P3', 'qlobber, 1,000 keys', 'ns'],
      ],
      'fan-out to 100 queues, a copy': [
        ['leveret, delivered and acked', 'P5', 'delivered', 'ns'],
        ['leveret, put into the queue', 'P5', 'enqueued', 'ns'],
        ['smqp, delivered and acked', 'P5', 'smqp', 'ns'],
      ],
    },
  },
  'performance-amqplib.svg': {
    title: 'Time of one message through the API of amqplib (logarithmic)',
    unit: 'ns',
    log: true,
    groups: {
      'publish, consume, ack': [
        ['leveret/amqplib', 'P6', 'leveret', 'ns'],
        ['mock-amqplib, which copies nothing', 'P6', 'mock-amqplib', 'ns'],
        ['fake-amqplib', 'P6', 'fake-amqplib', 'ns'],
      ],
    },
  },
  'performance-threads.svg': {
    title: 'Between threads: time of one message, from publish to ack',
    unit: 'ns',
    log: false,
    groups: {
      '200 bytes of JSON': [
        ['published here, handled in a thread', 'P7', 'leveret', 'ns'],
        ['in two threads', 'P7', '2 threads', 'ns'],
        ['in four threads', 'P7', '4 threads', 'ns'],
        ['published by a thread, handled here', 'P7', 'from a thread', 'ns'],
        ['a bare postMessage each, without an ack', 'P7', 'raw', 'ns'],
      ],
      '200 bytes in a Uint8Array': [
        ['published here, handled in a thread', 'P7', 'leveret, bytes', 'ns'],
        ['a bare postMessage each, without an ack', 'P7', 'raw, bytes', 'ns'],
      ],
    },
  },
  'performance-thread-requests.svg': {
    title: 'Between threads: time of a request until its reply, one at a time',
    unit: 'µs',
    log: false,
    groups: {
      'half of them within': [
        ['leveret', 'P7', 'request', 'p50'],
        ['a bare postMessage there and one back', 'P7', 'raw round trip', 'p50'],
      ],
      '99 of 100 within': [
        ['leveret', 'P7', 'request', 'p99'],
        ['a bare postMessage there and one back', 'P7', 'raw round trip', 'p99'],
      ],
    },
  },
  'performance-event-loop.svg': {
    title: 'Delay of the event loop, 99th percentile',
    unit: 'ms',
    log: false,
    groups: {
      'in a loop that never pauses': [
        ['await send', 'P8', 'sends', 'p99'],
        ['publish', 'P8', 'publishes', 'p99'],
        ['for await over 1,000,000', 'P8', 'for await over 1,000,000', 'p99'],
        ['requeue', 'P8', 'requeues', 'p99'],
        ['nothing to do, the same heap', 'P8', 'idle', 'p99'],
      ],
    },
  },
  'performance-memory.svg': {
    title: 'Memory beside the body (logarithmic)',
    unit: 'bytes',
    log: true,
    groups: {
      'a message among 1,000,000': [
        ['plain', 'P4', 'heap, plain', 'bytes'],
        ['with a time to live', 'P4', 'heap, TTL', 'bytes'],
      ],
      'a queue among 100,000': [
        ['idle', 'P9', 'queues', 'bytes'],
        ['with its consumer and channel', 'P9', 'with consumers', 'bytes'],
      ],
    },
  },
}

const OTHERS = /^(smqp|qlobber|mock-|fake-|a |an |nothing)/

function read(report: Report, { groups, ...rest }: PlotSource): Plot {
  return {
    ...rest,
    groups: Object.entries(groups).map(([name, sources]) => ({
      name,
      rows: sources.map(([label, bar, variant, figure]) => {
        const value = report.bars.find(({ id }) => id === bar)?.figures[variant]?.[figure]
        if (value === undefined) throw new Error(`expected a figure '${figure}' of '${variant}' in ${bar}`)
        return { label, value, own: !OTHERS.test(label) }
      }),
    })),
  }
}

const LEFT = 22
/** n.b. leaves room for the figure behind the longest bar. */
const ROOM = WIDTH - LEFT - 84

/** Where the scale begins and ends, and what is written at its lines: powers of ten, or five round steps. */
function scaleOf({ log, groups }: Plot) {
  const values = groups.flatMap(({ rows }) => rows.map(({ value }) => value))
  const most = Math.max(...values)
  if (log) {
    const low = Math.floor(Math.log10(Math.min(...values)))
    const high = Math.ceil(Math.log10(most))
    const ticks = Array.from({ length: high - low + 1 }, (_, index) => 10 ** (low + index))
    return { ticks, at: (value: number) => ((Math.log10(value) - low) / (high - low)) * ROOM }
  }
  const power = 10 ** Math.floor(Math.log10(most))
  const step = [0.2, 0.5, 1, 2].map((factor) => factor * power).find((size) => size * 5 >= most) ?? power
  const ticks = Array.from({ length: Math.ceil(most / step) + 1 }, (_, index) => index * step)
  return { ticks, at: (value: number) => (value / (ticks.at(-1) ?? 1)) * ROOM }
}

const figure = (value: number) =>
  value >= 100 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(2)))

/** Horizontal bars in groups. n.b. labels stand above their bars: beside them they would leave no room on a phone. */
function draw(plot: Plot): string {
  const { ticks, at } = scaleOf(plot)
  const shapes: string[] = []
  let y = 44
  const top = y - 8
  for (const { name, rows } of plot.groups) {
    shapes.push(text(LEFT, y + 12, name, 'name'))
    y += 22
    for (const { label, value, own } of rows) {
      const width = Math.max(2, at(value)).toFixed(1)
      shapes.push(
        text(LEFT, y + 12, label, 'dim'),
        `<rect class="${own ? 'own' : 'other'}" x="${LEFT}" y="${y + 17}" width="${width}" height="14" rx="2"/>`,
        text(LEFT + Number(width) + 6, y + 29, `${figure(value)} ${plot.unit}`, 'dim'),
      )
      y += 37
    }
    y += 10
  }
  const lines = ticks.map((tick) => {
    const x = (LEFT + at(tick)).toFixed(1)
    const label = text(Number(x), y + 12, figure(tick), 'dim mid')
    return `<path class="grid" d="M${x} ${top}V${y - 2}"/>\n${label}`
  })
  const said = plot.groups.map(({ name, rows }) => {
    return `${name}: ${rows.map(({ label, value }) => `${label} ${figure(value)} ${plot.unit}`).join(', ')}`
  })
  const title = text(WIDTH / 2, 24, plot.title, 'mid dim')
  return picture(plot.title, `${said.join('; ')}.`, y + 24, [title, ...lines, ...shapes])
}

/** Every plot by the name of its file. */
export function drawPlots(report: Report): Map<string, string> {
  return new Map(Object.entries(PLOTS).map(([name, source]) => [name, draw(read(report, source))]))
}

/** What the benches measured last, as it is checked in. */
export const checkedIn = () => JSON.parse(readFileSync('test/bench/results.json', 'utf8')) as Report
