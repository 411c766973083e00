// What waits, and for what: a kit's answers, its clock, and waits within waits.
import { readFile } from 'node:fs/promises'
import { explore, testBroker } from 'leveret/testing'
import { describe, expect, test } from 'vitest'
import { VirtualClock } from '../../src/testing/time/clock.js'

const io = () => readFile(new URL(import.meta.url))

describe('settled()', () => {
  test('in a handler waits for everything but that handler', async () => {
    await using kit = testBroker()
    const [first, second] = [await kit.bus.declareQueue('first'), await kit.bus.declareQueue('second')]
    const done: string[] = []
    second.createConsumer().run(async () => {
      await io()
      done.push('second')
    })
    first.createConsumer().run(async () => {
      await second.send('b')
      await kit.settled()
      done.push('first')
    })
    await first.send('a')
    await kit.settled()
    expect(done).toEqual(['second', 'first'])
  })

  test('does not wait for what a consumer keeps after its handler failed, and answers until when', async () => {
    await using kit = testBroker()
    const queue = await kit.bus.declareQueue('q')
    let attempts = 0
    queue.createConsumer().run(() => {
      if (++attempts === 1) throw new Error('not now')
    })
    await queue.send('x')
    expect(await kit.settled()).toMatchObject([{ what: 'held', queue: 'q', until: 100, message: { body: 'x' } }])
    await kit.advance('100ms')
    expect(await kit.settled()).toEqual([])
    expect(attempts).toBe(2)
  })

  test('answers what waits for its next attempt', async () => {
    await using kit = testBroker()
    const queue = await kit.bus.declareQueue('q', { retry: { attempts: 2, minDelay: 1_000 } })
    let attempts = 0
    queue.createConsumer().run(() => {
      if (++attempts === 1) throw new Error('not now')
    })
    await queue.send('x')
    expect(await kit.settled()).toMatchObject([{ what: 'delayed', queue: 'q', message: { body: 'x' } }])
    expect(await kit.advanceToNext()).toBe(1_000)
    expect(await kit.settled()).toEqual([])
  })

  test('ends with its signal at once, however long it might wait', async () => {
    await using kit = testBroker({ timeout: 600_000, strict: { unacked: false } })
    const queue = await kit.bus.declareQueue('mails')
    queue.createConsumer().run(() => new Promise(() => undefined))
    queue.publish('x')
    const controller = new AbortController()
    const settled = kit.settled({ signal: controller.signal })
    controller.abort()
    await expect(settled).rejects.toMatchObject({ code: 'TEST_FAILED', message: expect.stringContaining('aborted') })
  })
})

describe('time', () => {
  test('advances by one advance after another', async () => {
    await using kit = testBroker()
    const queue = await kit.bus.declareQueue('q')
    const seen: number[] = []
    queue.createConsumer().run(() => void seen.push(kit.now))
    queue.publish(1, { delay: 5_000 })
    queue.publish(2, { delay: 15_000 })
    await Promise.all([kit.advance('10s'), kit.advance('10s')])
    expect(kit.now).toBe(20_000)
    expect(seen).toEqual([5_000, 15_000])
  })

  test('is the time that dead letters tell, too', async () => {
    await using kit = testBroker()
    await kit.bus.declareQueue('dead')
    const queue = await kit.bus.declareQueue('q', { messageTtl: 1_000, deadLetter: 'dead' })
    const times = async () => {
      await queue.send('x')
      await kit.advance('1s')
      const death = kit.deadLettered.last?.headers['x-death'] as [{ time: Date }] | undefined
      return Number(death?.[0].time)
    }
    const before = await times()
    await kit.advance('59s')
    expect((await times()) - before).toBe(60_000)
  })

  test('of the clock: what is due comes by its time, then by its arming, unless it was cleared', () => {
    const clock = new VirtualClock()
    const fired: string[] = []
    for (const [name, ms] of [
      ['late', 20],
      ['soon', 10],
      ['soon after', 10],
      ['never', 5],
    ] as const) {
      const handle = clock.setTimeout(() => fired.push(`${name} at ${clock.now()}`), ms)
      if (name === 'never') clock.clearTimeout(handle)
    }
    expect(clock.nextDue).toBe(10)
    clock.goTo(10)
    clock.goTo(30)
    expect(fired).toEqual(['soon at 10', 'soon after at 10', 'late at 30'])
    clock.goTo(20)
    expect(clock.now()).toBe(30)
  })
})

describe('any()', () => {
  test('waits for what the work of `during` causes after it is done', async () => {
    await using kit = testBroker()
    const [first, second] = [await kit.bus.declareQueue('first'), await kit.bus.declareQueue('second')]
    first.createConsumer().run(async () => {
      await io()
      await second.send('b')
    })
    const start = async () => {
      await io()
      first.publish('a')
    }
    expect(await kit.published.any({ queue: second }, { during: start() })).toMatchObject({ body: 'b' })
  })
})

describe('explore', () => {
  test('loses consumers before they see their delivery, and after', async () => {
    const seen = new Set<string>()
    await explore(
      async (kit) => {
        const queue = await kit.bus.declareQueue<number>('jobs')
        let times = 0
        const work = () =>
          queue
            .createConsumer()
            .on('cancelled', () => {
              seen.add(times === 0 ? 'lost before it was seen' : 'lost after it was seen')
              work()
            })
            .consume((delivery) => {
              times++
              delivery.ack()
            })
        work()
        await queue.send(1)
        await kit.settled()
      },
      { crashes: 0.5, runs: 40, kit: { strict: false } },
    )
    expect([...seen].sort()).toEqual(['lost after it was seen', 'lost before it was seen'])
  })
})
