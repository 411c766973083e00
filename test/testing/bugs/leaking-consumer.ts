// Attaches a consumer for every report, and never takes it away: the next report goes to one that is not listening any more.
import type { Bus } from 'leveret'
import type { Channel } from 'leveret/amqplib'

async function buggy(bus: Bus) {
  const reports = await bus.declareQueue<string>('reports')
  return () =>
    new Promise<string>((resolve) => {
      reports.createConsumer().run(({ body }) => resolve(body))
    })
}

async function corrected(bus: Bus) {
  const reports = await bus.declareQueue<string>('reports')
  return async () => {
    for await (const delivery of reports.createConsumer()) {
      delivery.ack()
      return delivery.body
    }
    throw new Error('closed')
  }
}

async function buggyAmqplib(channel: Channel) {
  await channel.assertQueue('reports')
  return () =>
    new Promise<string>((resolve, reject) => {
      const take = (message: { content: Buffer } | null) => message && resolve(message.content.toString())
      channel.consume('reports', take, { noAck: true }).catch(reject)
    })
}

async function correctedAmqplib(channel: Channel) {
  await channel.assertQueue('reports')
  return async () => {
    const { promise, resolve } = withResolvers<string>()
    const take = (message: { content: Buffer } | null) => message && resolve(message.content.toString())
    const { consumerTag } = await channel.consume('reports', take, { noAck: true })
    const report = await promise
    await channel.cancel(consumerTag)
    return report
  }
}

function withResolvers<T>() {
  let resolve!: (value: T) => void
  const promise = new Promise<T>((done) => {
    resolve = done
  })
  return { promise, resolve }
}

export const leakingConsumer = { buggy, corrected, buggyAmqplib, correctedAmqplib }
