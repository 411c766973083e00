// Quorum queues, where a client can tell them from classic ones; and queue arguments of other types.
import type { Channel, Options } from 'amqplib'
import { bodies, delivery, headers } from '../look.js'
import { scenario } from '../scenario.js'
import type { Trial } from '../trial.js'

type Arguments = Record<string, unknown>

const quorum = (args: Arguments = {}): Options.AssertQueue => ({ arguments: { 'x-queue-type': 'quorum', ...args } })

async function made(t: Trial, args: Arguments = {}): Promise<[channel: Channel, q: string]> {
  const [channel, q] = [await t.channel(), t.name('q')]
  await channel.assertQueue(q, quorum(args))
  return [channel, q]
}

export const qq = [
  scenario('a quorum queue is durable, shared, and named', ['QQ-01', 'Q-03', 'QA-02', 'QA-16', 'QA-15'], async (t) => {
    const of = (options: Options.AssertQueue) =>
      t.attempt((on) => on.assertQueue(t.name('q'), { ...quorum(), ...options }))
    t.note('QQ-01', 'not durable', await of({ durable: false }))
    t.note('QQ-01', 'exclusive', await of({ exclusive: true }))
    t.note('QQ-01', 'auto-delete', await of({ autoDelete: true }))
    t.note('QQ-01', 'all at once', await of({ durable: false, exclusive: true, autoDelete: true }))
    t.note('Q-03', 'no name', await t.attempt((on) => on.assertQueue('', quorum())))
    const all = {
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': 'k',
      'x-dead-letter-strategy': 'at-most-once',
      'x-expires': 60_000,
      'x-message-ttl': 60_000,
      'x-max-length': 10,
      'x-max-length-bytes': 1000,
      'x-max-in-memory-length': 10,
      'x-max-in-memory-bytes': 1000,
      'x-overflow': 'reject-publish',
      'x-single-active-consumer': true,
      'x-quorum-initial-group-size': 1,
      'x-delivery-limit': 3,
      'x-queue-leader-locator': 'client-local',
    }
    t.note('QA-02', 'all that it knows', await t.attempt((on) => on.assertQueue(t.name('all'), quorum(all))))
    for (const key of ['x-max-priority', 'x-queue-mode', 'x-queue-version', 'x-max-age'])
      t.note(
        'QA-02',
        key,
        await of(quorum({ [key]: key === 'x-max-age' ? '1D' : key === 'x-queue-mode' ? 'lazy' : 1 })),
      )
    t.note('QA-15', 'a strategy of nothing', await of(quorum({ 'x-dead-letter-strategy': 'x' })))
    for (const size of [0, -1, 'one'])
      t.note('QA-16', `${size}`, await of(quorum({ 'x-quorum-initial-group-size': size })))
  }),

  scenario(
    'other operations that a quorum queue has not',
    ['QQ-02', 'QQ-07', 'QOS-14', 'GET-06', 'CON-06'],
    async (t) => {
      const [channel, q] = await made(t)
      for (const options of [{ ifUnused: true }, { ifEmpty: true }])
        t.note('QQ-02', JSON.stringify(options), await t.attemptApart((on) => on.deleteQueue(q, options)))
      t.note(
        'QQ-07',
        'a transient message',
        await t.attempt((on) => on.sendToQueue(q, Buffer.from('a'), { persistent: false })),
      )
      t.note(
        'QQ-07',
        'its delivery mode',
        (await t.await(q, 1)).map(({ properties }) => properties.deliveryMode),
      )
      await channel.consume(q, () => undefined, { exclusive: true })
      t.note('CON-06', 'another beside an exclusive one', await t.attempt((on) => on.consume(q, () => undefined)))
      t.note(
        'QOS-14',
        'a limit for the channel',
        await t.attemptApart(async (on) => {
          await on.prefetch(1, true)
          return on.consume(q, () => undefined)
        }),
      )
      const single = t.name('single')
      await channel.assertQueue(single, quorum({ 'x-single-active-consumer': true }))
      t.note('GET-06', 'get beside a single active consumer', await t.attempt((on) => on.get(single)))
    },
  ),

  scenario(
    'what comes back is served first, in order of its return',
    ['QQ-05', 'QQ-06', 'QQ-08', 'PRI-06'],
    async (t) => {
      const [channel, q] = await made(t)
      t.send(channel, q, '1', '2', '3', '4')
      await channel.prefetch(3)
      const inbox = await t.consume(channel, q)
      await inbox.until(3)
      channel.nack(await inbox.nth(3))
      await inbox.until(4)
      channel.nack(await inbox.nth(1))
      await inbox.until(5)
      const [first, , , ...back] = inbox.messages
      t.note('QQ-05', 'at first', first && headers(first))
      t.note('QQ-06', 'with 4 ready, after 3, then 1 were nacked', bodies(back))
      t.note(
        'QQ-08',
        'flags',
        back.map(({ fields }) => fields.redelivered),
      )
      t.note(
        'QQ-05',
        'counts',
        back.map((each) => headers(each)['x-delivery-count'] ?? 'none'),
      )
      for (const number of [4, 5, 6]) channel.ack(await inbox.nth(number))
      t.note('QQ-06', 'and then', inbox.bodies.slice(5))
      await channel.close()
      const last = await t.channel()
      const two = await t.get(last, q)
      t.note('QQ-08', 'when its channel closed', [delivery(two), headers(two)])
      last.reject(two)
      const again = await t.get(last, q)
      t.note('QQ-05', 'rejected', headers(again))
      last.ack(again)
      for (const priority of [0, 9, 3]) t.publish(last, '', q, `${priority}`, { priority })
      t.note('PRI-06', 'priorities', bodies(await t.await(q, 3, last)))
    },
  ),

  scenario('with a limit of deliveries what comes back goes ahead', ['QQ-06', 'QQ-05'], async (t) => {
    const [channel, q] = await made(t, { 'x-delivery-limit': 20 })
    t.send(channel, q, '1', '2', '3', '4')
    await channel.prefetch(3)
    const inbox = await t.consume(channel, q)
    await inbox.until(3)
    channel.nack(await inbox.nth(3))
    await inbox.until(4)
    channel.nack(await inbox.nth(1))
    await inbox.until(5)
    for (const number of [4, 5]) channel.ack(await inbox.nth(number))
    t.note('QQ-06', 'with 4 ready, after 3, then 1 were nacked', bodies((await inbox.until(6)).slice(3)))
    const other = t.name('other')
    await channel.assertQueue(other, quorum())
    t.send(channel, other, 'a')
    t.note('QQ-05', 'got at first', headers(await t.get(channel, other)))
  }),

  scenario('a message may come back so often', ['QQ-04', 'DLX-01', 'LEN-15'], async (t) => {
    const dead = t.name('dead')
    const [channel, q] = await made(t, {
      'x-delivery-limit': 2,
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': dead,
    })
    await channel.assertQueue(dead)
    t.send(channel, q, 'a')
    let deliveries = 0
    const { consumerTag } = await channel.consume(q, (message) => {
      if (message === null) return
      // n.b. where a nack counts for nothing there is no end of it.
      if (deliveries++ < 20) channel.nack(message)
    })
    const letters = await t.await(dead, 1)
    t.note('QQ-04', 'deliveries with a limit of 2', deliveries)
    t.note(
      'DLX-01',
      'why',
      letters.map((each) =>
        each.properties.headers?.['x-death']?.map(({ reason, queue, count }) => [reason, queue, count]),
      ),
    )
    await channel.cancel(consumerTag)
    const confirming = await t.confirmChannel()
    const fill = async (queue: string) => {
      for (const each of ['1', '2', '3', '4']) await t.confirmed(confirming, '', queue, each)
    }
    const heads = t.name('heads')
    await channel.assertQueue(heads, quorum({ 'x-max-length': 2 }))
    await fill(heads)
    t.note('LEN-15', 'drop-head', bodies(await t.await(heads, 2, channel)))
    const refusing = t.name('refusing')
    await channel.assertQueue(refusing, quorum({ 'x-max-length': 1, 'x-overflow': 'reject-publish' }))
    const refused = await t.until(async () => (await t.confirmed(confirming, '', refusing, 'a')) !== 'ack')
    t.note('LEN-15', 'reject-publish refuses in the end', refused)
  }),

  scenario('reject-publish-dlx drops heads on a quorum queue', ['QQ-09'], async (t) => {
    const full = t.name('full')
    const options = quorum({ 'x-max-length': 2, 'x-overflow': 'reject-publish-dlx' })
    t.note('QQ-09', 'declared', await t.attempt((on) => on.assertQueue(full, options)))
    const channel = await t.confirmChannel()
    for (const each of ['1', '2', '3', '4']) await t.confirmed(channel, '', full, each)
    t.note('QQ-09', 'left', (await t.exists(full)) && bodies(await t.await(full, 2, channel)))
  }),

  scenario('a lease is renewed by gets, and a head expires', ['TTL-17', 'TTL-04'], async (t) => {
    const [channel, q] = await made(t)
    t.publish(channel, '', q, 'long', { expiration: '60000' })
    t.publish(channel, '', q, 'brief', { expiration: '30' })
    await channel.checkQueue(q)
    await t.pass(300)
    t.note('TTL-04', 'behind a live head', await t.ready(q))
    t.note('TTL-17', 'taken', bodies(await t.await(q, 2, channel)))
    const lease = t.name('lease')
    await channel.assertQueue(lease, quorum({ 'x-expires': 900 }))
    // n.b. RabbitMQ looks at it every five seconds.
    for (let i = 0; i < 40 && (await t.exists(lease)); i++) await t.pass(250)
    t.note('TTL-17', 'declared again and again', await t.exists(lease))
  }),

  scenario('arguments of later kinds', ['QA-13', 'QA-14', 'QA-17'], async (t) => {
    const of = (args: Arguments) => t.attempt((on) => on.assertQueue(t.name(JSON.stringify(args)), { arguments: args }))
    for (const mode of ['default', 'lazy', 'foo', 1])
      t.note('QA-13', `mode ${mode}`, await of({ 'x-queue-mode': mode }))
    for (const version of [1, 2, 3, '2'])
      t.note('QA-13', `version ${version}`, await of({ 'x-queue-version': version }))
    const locator = (where: string) => of({ 'x-queue-type': 'quorum', 'x-queue-leader-locator': where })
    for (const where of ['client-local', 'balanced', 'random', 'least-leaders', 'x'])
      t.note('QA-14', where, await locator(where))
    for (const age of ['5', '0h', '7X', 7])
      t.note('QA-17', `${age}`, await of({ 'x-queue-type': 'stream', 'x-max-age': age }))
  }),
]
