// A kit on the platform's clock, which a test runner fakes.
import { testBroker } from 'leveret/testing'
import { afterEach, describe, expect, test } from 'vitest'
import { FAKES, type Fake } from '../time/fakes.js'

const DAY = 86_400_000

describe.each(FAKES)("$name's fake timers", ({ install }) => {
  let fake: Fake | undefined
  afterEach(() => fake?.uninstall())

  test('drive a kit on the clock of the platform, and it knows when it is done', async () => {
    fake = install()
    await using kit = testBroker({ clock: 'platform', strict: false })
    const dead: unknown[] = []
    const mails = await kit.bus.declareQueue('mails', { messageTtl: DAY, deadLetter: 'mails.dead' })
    kit.bus
      .queue('mails.dead')
      .createConsumer()
      .run(async ({ body }) => {
        await Promise.resolve()
        dead.push(body)
      })
    await mails.send('hello')
    fake.advance(DAY - 1)
    await kit.settled()
    expect(dead).toEqual([])
    fake.advance(1)
    await kit.settled()
    expect(dead).toEqual(['hello'])
  })

  test('leave the patience of the kit alone', async () => {
    fake = install()
    await using kit = testBroker({ clock: 'platform', strict: false, timeout: 20 })
    const jobs = await kit.bus.declareQueue('jobs')
    jobs.createConsumer().run(() => new Promise(() => undefined))
    await jobs.send(1)
    await expect(kit.settled()).rejects.toThrow('settled: not done within 20 ms of real time')
  })

  test('let sleepers of the kit sleep', async () => {
    fake = install()
    await using kit = testBroker({ clock: 'platform', strict: false })
    let awake = false
    const sleeping = kit.sleep('1h').then(() => {
      awake = true
    })
    fake.advance(3_599_999)
    await kit.settled()
    expect(awake).toBe(false)
    fake.advance(1)
    await sleeping
    expect(awake).toBe(true)
  })
})
