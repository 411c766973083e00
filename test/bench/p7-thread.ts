/** The other thread of P7, in the role that it is started with. */
import { parentPort, workerData } from 'node:worker_threads'
import { connect } from 'leveret/worker'
import type { Role } from './p7.js'

const port = parentPort as NonNullable<typeof parentPort>

/** n.b. a round begins with the number of its messages, and ends when so many have come. */
const count = (): void => {
  let left = 0
  port.on('message', (message: unknown) => {
    if (typeof message === 'number') left = message
    else if (--left === 0) port.postMessage('done')
  })
}

const echo = (): void => {
  port.on('message', ({ id }: { id: number }) => port.postMessage(id))
}

const consume = async (): Promise<void> => {
  const bus = await connect(port)
  bus
    .queue('orders')
    .createConsumer({ prefetch: 100 })
    .consume((delivery) => delivery.ack())
  port.postMessage('ready')
}

const respond = async (): Promise<void> => {
  const bus = await connect(port)
  bus.queue<{ id: number }, number>('orders').respond(({ id }) => id)
  port.postMessage('ready')
}

const publish = async (): Promise<void> => {
  const bus = await connect(port)
  const producer = bus.queue<object>('orders').createProducer()
  port.on('message', async ({ count, body }: { count: number; body: object }) => {
    for (let id = 0; id < count; id++) if (!producer.publish(body)) await producer.drained()
  })
  port.postMessage('ready')
}

const roles: Record<Role, () => unknown> = { count, echo, consume, respond, publish }
await roles[workerData as Role]()
