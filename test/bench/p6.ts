/** P6, the amqplib facade: sendToQueue -> one of ten queues -> consume -> ack, with the content as bytes of its own on both sides. */
import type * as amqplib from 'amqplib'
import { type Bar, Countdown, seen, type Variant, variant } from './harness.js'

type Amqplib = typeof amqplib

/** Messages sent before consumers get a chance. */
const BURST = 100

const facade = (count: number, warmUp: number, load: () => Promise<Amqplib>): Variant =>
  variant(count, warmUp, async () => {
    const { connect } = await load()
    const channel = await (await connect('amqp://localhost')).createChannel()
    // n.b. ten queues, as in P1: who looks them up one by one pays for it in applications too.
    for (let i = 0; i < 10; i++) await channel.assertQueue(`orders-${i}`)
    const content = Buffer.from(JSON.stringify({ id: 1, text: 'two of them' }))
    const countdown = new Countdown()
    await channel.consume('orders-7', (message) => {
      if (message === null) throw new Error('cancelled')
      seen.sum += message.content.length
      channel.ack(message)
      countdown.tick()
    })
    const drained = () => new Promise((resolve) => channel.once('drain', resolve))
    return async (messages) => {
      const end = countdown.start(messages)
      for (let sent = 0; sent < messages; ) {
        let free = true
        for (const until = Math.min(sent + BURST, messages); sent < until; sent++) {
          // n.b. a fake that answers nothing has room.
          if (channel.sendToQueue('orders-7', content) === false) free = false
        }
        await (free ? undefined : drained())
      }
      await end
    }
  })

/** Copies are copies: what becomes of a publisher's buffer, or of a consumer's, is nobody else's business. */
async function leveret(): Promise<Amqplib> {
  const module: Amqplib = await import('leveret/amqplib')
  const channel = await (await module.connect('amqp://localhost')).createChannel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  const content = Buffer.from('abc')
  channel.sendToQueue(queue, content)
  content.fill(0)
  for (let times = 0; times < 2; times++) {
    const message = await channel.get(queue)
    if (message === false || message.content.toString() !== 'abc') throw new Error('expected a copy')
    message.content.fill(0)
    channel.nack(message)
  }
  return module
}

export const bar: Bar = {
  id: 'P6',
  title: 'amqplib facade: sendToQueue -> consume -> ack',
  variants: {
    leveret: facade(300_000, 300_000, leveret),
    'fake-amqplib': facade(10_000, 10_000, async () => (await import('@onify/fake-amqplib')) as unknown as Amqplib),
    'mock-amqplib': facade(100_000, 100_000, async () => (await import('mock-amqplib')).default),
  },
  comparisons: [
    { title: 'times as fast as fake-amqplib', value: (of) => of('fake-amqplib') / of('leveret'), atLeast: 20 },
    { title: 'times as fast as mock-amqplib', value: (of) => of('mock-amqplib') / of('leveret'), atLeast: 4 },
  ],
}
