// What the random sequences leave out, as RabbitMQ leaves it to chance, and the longest run so far without a difference.

/** Of `tsx test/conformance/fuzz/run.ts --runs … --seed … --lanes …`. */
export const RUN = { sequences: 50_000, seed: 42_000, lanes: 6 }

export interface Chance {
  readonly what: string
  readonly why: string
}

export const CHANCES: readonly Chance[] = [
  {
    what: 'the order of deliveries from two queues, and so their delivery tags',
    why: 'a queue is a process, and two of them reach the channel when they do; leveret brings them in order of assignment',
  },
  {
    what: 'which of two queues fills the limit of a channel',
    why: 'both ask the limiter of the channel, when they come to it',
  },
  {
    what: 'what a channel with a limit gives back, while the queue has more for it or for others',
    why: 'the channel tells the queue what comes back, and the limiter that there is room; the limiter tells the queue. Where the queue finds both in its mailbox it looks at the limiter’s word first (prioritise_cast in rabbit_amqqueue_process.erl), and delivers what is ready before what comes back, one time in a dozen on a busy machine. In leveret what comes back is there first, always',
  },
  {
    what: 'letters to another queue, beside what else comes to it meanwhile: a publish, or what the end of one channel gives back to both',
    why: 'a letter is published by the queue, not by the channel that caused it',
  },
  {
    what: 'deliveries on a channel that the broker has just closed',
    why: 'they may be on their way behind the close; amqplib gives up the connection then',
  },
]
