import type { Bus, Delivery } from 'leveret'
import type { Codec } from 'leveret/worker'

export class Money {
  readonly cents: number
  constructor(cents: number) {
    this.cents = cents
  }
}

export const codecs: Codec[] = [
  {
    name: 'money',
    class: Money,
    encode: (money) => (money as Money).cents,
    decode: (cents) => new Money(cents as number),
  },
]

export default async ({ body }: Delivery<unknown>, bus: Bus) => {
  if (body instanceof Money) await bus.queue('done').send(new Money(body.cents + 1))
}
