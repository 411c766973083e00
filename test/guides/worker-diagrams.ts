// The diagrams of docs/worker-threads.md, drawn by hand: what goes over ports, from top to bottom in time.
import { box, dot, line, picture, text, WIDTH, way } from './svg.js'

/** Where the lines of the three threads are. */
const [LEFT, MIDDLE, RIGHT] = [65, WIDTH / 2, WIDTH - 65]

function head(x: number, name: string, style = ''): string[] {
  return [box(x - 55, 12, 110, 34, style), text(x, 34, name, 'name mid')]
}

/** The line of a thread, from its name down to its end, but for a box. */
function life(x: number, end: number, top = end, bottom = end): string[] {
  return [line([x, 46], [x, top], 'dashed'), ...(bottom < end ? [line([x, bottom], [x, end], 'dashed')] : [])]
}

/** What goes as one post: what it says of these messages, above its way. */
function post(from: number, to: number, y: number, says: string, messages: readonly number[], style = ''): string[] {
  const start = Math.min(from, to) + 12
  const dots = messages.map((number, place) =>
    dot(Math.max(from, to) - 20 - (messages.length - 1 - place) * 22, y - 15, number),
  )
  const tip = to > from ? to - 2 : to + 2
  return [
    text(start, y - 10, says, 'dim'),
    ...dots,
    way(
      [
        [from, y],
        [tip, y],
      ],
      style,
    ),
  ]
}

/** The queue in the broker's thread, with what is in it. */
function queue(y: number, messages: readonly number[]): string[] {
  const dots = messages.map((number, place) => dot(MIDDLE - 25 + place * 24, y + 37, number))
  return [box(MIDDLE - 44, y, 88, 54, 'queue'), text(MIDDLE - 34, y + 20, 'jobs', 'name'), ...dots]
}

function drawFlow(): string {
  const description =
    'Thread A sends three messages in a turn: they go to the broker as one post. The broker puts them into the queue, and says in one post that they are confirmed, in another what they are, to thread B, which consumes. Its handler acknowledges all three, which is one post again: they are gone, and there is credit for the next.'
  return picture('From send to ack over two ports', description, 372, [
    ...life(LEFT, 340, 220, 254),
    ...life(MIDDLE, 306),
    ...life(RIGHT, 340, 220, 254),
    ...head(LEFT, 'thread A'),
    ...head(MIDDLE, 'the broker', 'exchange'),
    ...head(RIGHT, 'thread B'),
    ...post(LEFT, MIDDLE, 92, 'send', [1, 2, 3]),
    ...queue(106, [1, 2, 3]),
    ...post(MIDDLE, LEFT, 206, 'taken', [1, 2, 3]),
    ...post(MIDDLE, RIGHT, 206, 'deliver', [1, 2, 3]),
    box(LEFT - 55, 220, 110, 34, '', 8),
    text(LEFT, 242, 'send resolves', 'dim mid'),
    box(RIGHT - 55, 220, 110, 34, '', 8),
    text(RIGHT, 242, 'handler', 'name mid'),
    ...post(RIGHT, MIDDLE, 296, 'ack', [1, 2, 3]),
    box(MIDDLE - 55, 306, 110, 34, 'dashed', 8),
    text(MIDDLE, 328, 'gone', 'dim mid'),
    text(MIDDLE + 64, 328, 'credit for 3', 'dim'),
    text(WIDTH / 2, 361, 'An arrow is a post, for all that is said in a turn.', 'dim mid'),
  ])
}

function drawCrash(): string {
  const description =
    'The broker delivers three messages to thread A. It acknowledges the first, which is gone. It handles the second and dies before the acknowledgement is posted; the third it never handled. Its port closes: the second and the third are in the queue again, flagged redelivered, and go to thread B. The second is handled twice.'
  return picture('A thread dies', description, 424, [
    ...life(LEFT, 214),
    ...life(MIDDLE, 392),
    ...life(RIGHT, 392),
    ...head(LEFT, 'thread A'),
    ...head(MIDDLE, 'the broker', 'exchange'),
    ...head(RIGHT, 'thread B'),
    ...post(MIDDLE, LEFT, 92, 'deliver', [1, 2, 3]),
    ...post(LEFT, MIDDLE, 140, 'ack', [1]),
    text(LEFT + 12, 172, 'ack', 'dim'),
    dot(LEFT + 50, 167, 2),
    text(LEFT + 66, 172, 'not posted', 'dim'),
    line([LEFT - 10, 204], [LEFT + 10, 224]),
    line([LEFT + 10, 204], [LEFT - 10, 224]),
    text(LEFT, 246, 'dies', 'name mid'),
    ...post(LEFT + 12, MIDDLE, 214, 'port closed', [], 'dashed'),
    ...queue(230, [2, 3]),
    text(MIDDLE + 52, 262, 'again', 'dim'),
    ...post(MIDDLE, RIGHT, 330, 'redelivered', [2, 3]),
    ...post(RIGHT, MIDDLE, 378, 'ack', [2, 3]),
    text(WIDTH / 2, 413, 'Message 2 was handled twice: at least once.', 'dim mid'),
  ])
}

/** Both by the names of their files. */
export const drawWorkerDiagrams = (): [name: string, svg: string][] => [
  ['worker-flow.svg', drawFlow()],
  ['worker-crash.svg', drawCrash()],
]
