// The clock of the other tests calls every timer on time. A real event loop may be busy while a message expires.
import { Broker } from 'leveret'
import { describe, expect, it } from 'vitest'
import { ManualClock } from '../support/manual-clock.js'
import { turn } from '../support/turn.js'

/** Time that passes while no timer is called. */
class BusyClock extends ManualClock {
  busy = 0

  override now(): number {
    return super.now() + this.busy
  }
}

async function queueWithTtl() {
  const clock = new BusyClock()
  const broker = new Broker({ clock })
  const bus = broker.virtualHost('/')
  const queue = await bus.declareQueue<string>('timed', { messageTtl: 100, deadLetter: 'dead' })
  return { clock, bus, queue }
}

describe('a timer that is late', () => {
  it('lets no get have what has expired', async () => {
    const { clock, bus, queue } = await queueWithTtl()
    await queue.send('old')
    clock.busy = 100
    expect(await queue.get()).toBeUndefined()
    expect(bus.peek('dead').map(({ body }) => body)).toEqual(['old'])
  })

  it('lets no consumer have what has expired', async () => {
    const { clock, bus, queue } = await queueWithTtl()
    await queue.send('old')
    clock.busy = 50
    await queue.send('young')
    clock.busy = 100
    const got: string[] = []
    queue.createConsumer().consume((delivery) => got.push(delivery.body))
    await turn()
    expect(got).toEqual(['young'])
    expect(bus.peek('dead').map(({ body }) => body)).toEqual(['old'])
  })
})
