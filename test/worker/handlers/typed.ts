import type { Bus, Delivery } from 'leveret'

export default async ({ body: { id } }: Delivery<{ readonly id: number }>, bus: Bus) => {
  await bus.queue('done').send({ id })
}
