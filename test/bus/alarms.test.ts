/** Alarms set by hand: producers wait, AMQP connections that publish are told, and consumers go on. */
import { expect } from 'vitest'
import { openConnection } from '../../src/internal.js'
import { turn } from '../support/turn.js'
import { onEveryEngine } from './engines.js'
import { bodies, collect, errorOf } from './helpers.js'

const inside = { needs: ['inside'] } as const

onEveryEngine('alarms', (scenario) => {
  scenario(
    'keep producers waiting until the last of them is cleared',
    { needs: ['inside', 'same-turn'] },
    async ({ bus, broker }) => {
      // ALM-02
      const queue = await bus.declareQueue<number>('q')
      const producer = queue.createProducer()
      broker.setAlarm('memory')
      broker.setAlarm('disk')
      expect(broker.overview()).toMatchObject({ alarmed: true, alarms: ['memory', 'disk'] })
      const order: string[] = []
      const sent = producer.send(1).then(() => order.push('sent'))
      expect(producer.publish(2)).toBe(false)
      const drained = producer.drained().then(() => order.push('drained'))
      const got = collect(queue.createConsumer(), (delivery) => delivery.ack())
      await turn()
      expect([bodies(got), order]).toEqual([[1, 2], []])
      broker.clearAlarm('memory')
      broker.clearAlarm('memory')
      await turn()
      expect(order).toEqual([])
      order.push('cleared')
      broker.clearAlarm('disk')
      await Promise.all([sent, drained])
      expect(order[0]).toBe('cleared')
      expect(broker.overview()).toMatchObject({ alarmed: false, alarms: [] })
      expect(producer.publish(3)).toBe(true)
    },
  )

  scenario('stand beside the high watermark', { ...inside, broker: { highWatermark: 1 } }, async ({ bus, broker }) => {
    const heard: unknown[] = []
    for (const name of ['alarm.set', 'alarm.cleared'] as const) {
      broker.on(name, ({ resource, ready }) => heard.push([name, resource, ready]))
    }
    const queue = await bus.declareQueue('q')
    broker.setAlarm('memory')
    for (const body of [1, 2, 3]) queue.publish(body)
    await turn()
    broker.clearAlarm('memory')
    expect(broker.overview()).toMatchObject({ alarms: ['memory'] })
    broker.setAlarm('disk')
    await queue.purge()
    expect(broker.overview()).toMatchObject({ alarms: ['disk'] })
    broker.clearAlarm('disk')
    expect(heard).toEqual([
      ['alarm.set', 'memory', 0],
      ['alarm.set', 'disk', 3],
      ['alarm.cleared', 'memory', 0],
      ['alarm.cleared', 'disk', 0],
    ])
  })

  scenario('are told to AMQP connections that publish, in RabbitMQ’s words', inside, async ({ bus, broker }) => {
    // CH-22, CH-23, ALM-03
    const queue = await bus.declareQueue('q')
    for (const [alarms, reason] of [
      [['memory'], 'low on memory'],
      [['disk'], 'low on disk'],
      [['disk', 'memory'], 'low on memory & disk'],
    ] as const) {
      const open = () => {
        const said: unknown[] = []
        const connection = openConnection(
          broker,
          {},
          {
            closed: () => said.push('closed'),
            blocked: (why) => said.push(why),
            unblocked: () => said.push('unblocked'),
          },
        )
        const channel = connection.createChannel({
          delivered: (_, { body }) => said.push(body),
          cancelled: () => said.push('cancelled'),
          returned: () => said.push('returned'),
          confirmed: (number) => said.push(`confirmed ${number}`),
          closed: () => said.push('closed'),
        })
        return { said, connection, channel }
      }
      for (const alarm of alarms) broker.setAlarm(alarm)
      const [publisher, consumer] = [open(), open()]
      consumer.channel.basicConsume('q', { noAck: true })
      publisher.channel.confirmSelect()
      publisher.channel.basicPublish('', 'q', 'a')
      publisher.channel.basicPublish('', 'q', 'b')
      expect(publisher.said).toEqual([])
      await turn()
      expect([publisher.said, consumer.said]).toEqual([[reason], ['a', 'b']])
      expect([publisher.connection.blocked, consumer.connection.blocked]).toEqual([true, false])
      for (const alarm of alarms) {
        expect(publisher.said).toEqual([reason])
        broker.clearAlarm(alarm)
        await turn()
      }
      expect(publisher.said.slice(1).sort()).toEqual(['confirmed 1', 'confirmed 2', 'unblocked'])
      expect(publisher.connection.blocked).toBe(false)
      for (const { connection } of [publisher, consumer]) connection.close()
    }
    expect(await queue.info()).toMatchObject({ messageCount: 0 })
  })

  scenario('are of memory or disk', inside, async ({ broker }) => {
    for (const verb of ['setAlarm', 'clearAlarm'] as const) {
      expect(await errorOf(() => broker[verb]('cpu' as 'disk'))).toMatchObject({
        code: 'INVALID_OPTION',
        message: `${verb}: expected 'memory' or 'disk', got 'cpu'`,
      })
    }
    expect(broker.overview().alarmed).toBe(false)
  })
})
