// What random sequences (fuzz/) found: a scenario for each counterexample.
import type { Message } from 'amqplib'
import { bodies, body, delivery } from '../look.js'
import { scenario } from '../scenario.js'

export const found = [
  scenario('one channel brings the deliveries of all its consumers in one order', ['ORD-03', 'CON-01'], async (t) => {
    const [channel, q, r] = [await t.channel(), t.name('q'), t.name('r')]
    const events: unknown[] = []
    const take = (who: string) => (message: Message | null) =>
      events.push([who, message === null ? 'cancelled' : body(message), message?.fields.deliveryTag])
    for (const each of [q, r]) await channel.assertQueue(each)
    for (const who of ['one', 'two']) await channel.consume(q, take(who), { consumerTag: who })
    t.send(channel, q, ...'123456')
    await t.until(() => events.length >= 6)
    t.note('ORD-03', 'two consumers in turn', events)
    const late: string[] = []
    t.send(channel, r, ...'abcde')
    t.send(channel, q, '7')
    await channel.consume(r, (message) => late.push(message === null ? 'cancelled' : body(message)))
    await t.until(() => late.length >= 5)
    t.note('CON-01', 'a new consumer, while another one gets something', late)
  }),

  scenario('what several consumers had comes back a consumer at a time', ['ACK-05', 'ACK-13'], async (t) => {
    const [channel, q] = [await t.channel(), t.name('q')]
    await channel.assertQueue(q)
    await channel.prefetch(1)
    const events: [who: string, message: string, redelivered: boolean][] = []
    for (const who of ['late', 'early']) {
      const take = (message: Message | null) => {
        if (message !== null) events.push([who, body(message), message.fields.redelivered])
      }
      await channel.consume(q, take, { consumerTag: who })
    }
    t.send(channel, q, '1', '2', '3')
    await t.until(() => events.length >= 2)
    channel.nackAll(true)
    await t.until(() => events.length >= 4)
    t.note('ACK-05', 'all requeued', events)
    await channel.recover()
    await t.until(() => events.length >= 6)
    t.note('ACK-13', 'recovered', events.slice(4))
  }),

  scenario(
    'what was got comes back by itself, in the order in which it was got',
    ['ACK-05', 'ACK-08', 'ACK-13'],
    async (t) => {
      const [channel, q, r] = [await t.channel(), t.name('q'), t.name('r')]
      for (const each of [q, r]) await channel.assertQueue(each)
      t.send(channel, q, '1', '2')
      const first = await t.get(channel, q)
      await t.get(channel, q)
      channel.nack(first)
      await t.get(channel, q)
      const inbox = await t.consume(channel, q)
      channel.nackAll()
      t.note('ACK-05', '2, then 1', (await inbox.until(2)).map(delivery))
      channel.nackAll()
      await inbox.until(4)
      t.note('ACK-08', 'together, when a consumer had them', inbox.messages.slice(2).map(delivery))
      channel.ackAll()
      t.send(channel, r, '3', '4')
      await t.get(channel, r)
      const other = await t.consume(channel, r)
      await other.until(1)
      await channel.recover()
      await other.until(3)
      t.note('ACK-13', 'got, and then consumed', other.messages.slice(1).map(delivery))
    },
  ),

  scenario('a get holds its place in a channel’s limit until that is lifted', ['QOS-07', 'QOS-09'], async (t) => {
    const [channel, q] = [await t.channel(), t.name('q')]
    await channel.assertQueue(q)
    t.send(channel, q, ...'123456')
    const first = await t.get(channel, q)
    await channel.prefetch(1, true)
    const inbox = await t.consume(channel, q)
    channel.ack(first)
    await t.quiet(inbox)
    t.note('QOS-07', 'the get was acknowledged', inbox.bodies)
    await channel.prefetch(1, true)
    await t.quiet(inbox)
    t.note('QOS-09', 'the same limit again', inbox.bodies)
    await channel.prefetch(2, true)
    await inbox.until(1)
    await t.quiet(inbox)
    t.note('QOS-09', 'room for one more', inbox.bodies)
    channel.ackAll()
    await inbox.until(2)
    await t.quiet(inbox)
    t.note('QOS-07', 'the delivery was acknowledged', inbox.bodies)
    await channel.prefetch(0, true)
    t.note('QOS-09', 'lifted', bodies(await inbox.until(5)))
  }),

  scenario('what went with its queue holds its place in a channel’s limit', ['QOS-04', 'ACK-16'], async (t) => {
    const [channel, q, r] = [await t.channel(), t.name('q'), t.name('r')]
    for (const each of [q, r]) await channel.assertQueue(each)
    await channel.prefetch(1, true)
    const lost = await t.consume(channel, q)
    t.send(channel, q, 'lost')
    const message = await lost.nth(1)
    await channel.deleteQueue(q)
    t.send(channel, r, '1', '2')
    const inbox = await t.consume(channel, r)
    await t.quiet(inbox)
    t.note('QOS-04', 'before it is acknowledged', inbox.bodies)
    channel.ack(message)
    await inbox.until(1)
    await t.quiet(inbox)
    t.note('ACK-16', 'and after', inbox.bodies)
  }),

  scenario('what comes back from a channel at its limit is delivered again', ['QOS-08', 'ACK-09'], async (t) => {
    const [channel, q] = [await t.channel(), t.name('q')]
    await channel.assertQueue(q)
    await channel.prefetch(1, true)
    const inbox = await t.consume(channel, q)
    t.send(channel, q, '1')
    channel.reject(await inbox.nth(1), true)
    t.note('ACK-09', 'nothing else is ready', (await inbox.until(2)).map(delivery))
    t.send(channel, q, '2', '3')
    channel.reject(await inbox.nth(2), true)
    for (let n = 3; n <= 5; n++) channel.ack(await inbox.nth(n))
    // n.b. in either order: the limiter's word that there is room overtakes what comes back, or it does not.
    const others = inbox.messages.slice(2).map(delivery)
    t.note(
      'QOS-08',
      'others are ready',
      others.sort((left, right) => (left.body < right.body ? -1 : 1)),
    )
  }),

  scenario('where a channel consumed has all back before where it only got', ['ACK-11', 'LEN-03'], async (t) => {
    const [channel, q, letters] = [await t.channel(), t.name('q'), t.name('letters')]
    await channel.assertQueue(letters, { maxLength: 1, overflow: 'reject-publish' })
    await channel.assertQueue(q, { maxLength: 1, deadLetterExchange: '', deadLetterRoutingKey: letters })
    t.send(channel, letters, 'got')
    await t.get(channel, letters)
    const inbox = await t.consume(channel, q)
    t.send(channel, q, '1', '2')
    await inbox.until(2)
    await channel.close()
    t.note('LEN-03', 'left', (await t.await(q, 1)).map(delivery))
    t.note('ACK-11', 'a letter found room, and then the other came back', (await t.await(letters, 2)).map(delivery))
  }),

  scenario('what comes back together is back before a limit looks at it', ['LEN-03', 'ACK-13'], async (t) => {
    const [channel, q, letters] = [await t.channel(), t.name('q'), t.name('letters')]
    await channel.assertQueue(letters)
    await channel.assertQueue(q, { maxLength: 1, deadLetterExchange: '', deadLetterRoutingKey: letters })
    const inbox = await t.consume(channel, q)
    t.send(channel, q, '1', '2', '3')
    channel.reject(await inbox.nth(1), true)
    await inbox.until(4)
    await channel.recover()
    t.note('LEN-03', 'dropped, the oldest first', (await t.await(letters, 2)).map(body))
    t.note('ACK-13', 'left', (await inbox.until(5)).slice(4).map(delivery))
  }),
]
