// Takes for granted that messages are handled in their order, with two workers at one queue.
import type { Bus } from 'leveret'

type Save = (status: string) => void

async function buggy(bus: Bus, save: Save) {
  const changes = await bus.declareQueue<string>('changes')
  for (const consumerTag of ['worker-1', 'worker-2']) {
    changes.createConsumer({ consumerTag }).run(({ body }) => save(body))
  }
}

async function corrected(bus: Bus, save: Save) {
  const changes = await bus.declareQueue<string>('changes', { singleActiveConsumer: true })
  for (const consumerTag of ['worker-1', 'worker-2']) {
    changes.createConsumer({ consumerTag }).run(({ body }) => save(body))
  }
}

export const orderAssumption = { buggy, corrected }
