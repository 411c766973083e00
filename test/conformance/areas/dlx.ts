// Dead letters: causes, envelope, history, cycles.
import type { Channel, Message, Options } from 'amqplib'
import { bodies, body, delivery, headers, properties } from '../look.js'
import { scenario } from '../scenario.js'
import type { Trial } from '../trial.js'

/** A queue whose dead letters go to another by the default exchange. */
async function pair(t: Trial, channel: Channel, options: Options.AssertQueue = {}): Promise<[q: string, dead: string]> {
  const [q, dead] = [t.name('q'), t.name('dead')]
  await channel.assertQueue(dead)
  await channel.assertQueue(q, { deadLetterExchange: '', deadLetterRoutingKey: dead, ...options })
  return [q, dead]
}

async function reject(t: Trial, channel: Channel, queue: string): Promise<void> {
  channel.reject(await t.get(channel, queue), false)
}

const deaths = (message: Message | undefined) => message?.properties.headers?.['x-death']

export const dlx = [
  scenario('what dies is dead-lettered, what is lost otherwise is not', ['DLX-01', 'DLX-02'], async (t) => {
    const channel = await t.channel()
    const [q, dead] = await pair(t, channel, { maxLength: 2 })
    t.send(channel, q, '1', '2', '3')
    await reject(t, channel, q)
    await t.drain(q, channel)
    t.publish(channel, '', q, 'brief', { expiration: '0' })
    const letters = await t.await(dead, 3)
    const causes = letters.map((each) => `${body(each)} ${deaths(each)?.[0]?.reason}`)
    t.note('DLX-01', 'causes', causes.sort())
    const connection = await t.connect()
    const lost = await t.channel(connection)
    t.send(channel, q, 'kept')
    await t.get(lost, q)
    await connection.close()
    t.note('DLX-01', 'connection lost', (await t.await(q, 1)).map(delivery))
    const [late, x, r] = [t.name('late'), t.name('x'), t.name('r')]
    await channel.assertQueue(late, { deadLetterExchange: x })
    await channel.assertQueue(r)
    t.send(channel, late, 'early', 'later')
    await reject(t, channel, late)
    await channel.assertExchange(x, 'fanout')
    await channel.bindQueue(r, x, '')
    await reject(t, channel, late)
    t.note('DLX-02', 'an exchange made after the first death', bodies(await t.await(r, 1)))
  }),

  scenario('a dead letter goes by its new key, or by all it had', ['DLX-03', 'DLX-11', 'DLX-04'], async (t) => {
    const channel = await t.channel()
    const [x, q, keyed, empty] = [t.name('x'), t.name('q'), t.name('keyed'), t.name('empty')]
    await channel.assertExchange(x, 'direct')
    await channel.assertQueue(q, { deadLetterExchange: x })
    await channel.assertQueue(keyed, { deadLetterExchange: x, deadLetterRoutingKey: 'new' })
    await channel.assertQueue(empty, { deadLetterExchange: x, deadLetterRoutingKey: '' })
    const dead: Record<string, string> = {}
    for (const key of [q, 'cc', 'bcc', 'new', '']) {
      const { queue } = await channel.assertQueue('', { exclusive: true })
      dead[key === q ? 'q' : key] = queue
      await channel.bindQueue(queue, x, key)
    }
    for (const from of [q, keyed, empty]) {
      t.publish(channel, '', from, 'a', { CC: ['cc'], BCC: ['bcc'], persistent: true, messageId: 'm' })
      await reject(t, channel, from)
      const readyIn = async () => {
        const counts = []
        for (const queue of Object.values(dead)) counts.push((await channel.checkQueue(queue)).messageCount)
        return counts
      }
      await t.until(async () => (await readyIn()).some((each) => each > 0))
      await t.stable(readyIn)
      for (const [key, queue] of Object.entries(dead)) {
        const arrived = await t.take(queue, channel)
        t.note('DLX-03', `from ${t.short(from)}, key "${key}"`, bodies(arrived))
        for (const each of arrived) {
          t.note('DLX-04', 'envelope', [delivery(each), { ...properties(each), headers: undefined }])
          t.note('DLX-11', 'CC', headers(each)['CC'])
        }
      }
    }
  }),

  scenario('the history says where and why', ['DLX-05', 'DLX-06', 'DLX-07', 'DLX-23'], async (t) => {
    const channel = await t.channel()
    const [q, dead] = await pair(t, channel)
    const x = t.name('x')
    await channel.assertExchange(x, 'topic')
    await channel.bindQueue(q, x, '#')
    t.publish(channel, x, 'a.b', 'a', {
      expiration: '20',
      CC: ['c'],
      BCC: ['d'],
      headers: { mine: 1 },
      correlationId: 'c',
    })
    const [letter] = await t.await(dead, 1)
    t.note('DLX-06', 'x-death', deaths(letter))
    t.note('DLX-05', 'properties', letter && { ...properties(letter), headers: undefined })
    t.note('DLX-07', 'keys', deaths(letter)?.[0]?.['routing-keys'])
    t.note('DLX-23', 'headers', letter && Object.keys(headers(letter)).sort())
    t.note('DLX-23', 'its own', letter && headers(letter)['mine'])
    t.publish(channel, x, 'a.b', 'b')
    await reject(t, channel, q)
    const [bare] = await t.await(dead, 1)
    t.note('DLX-23', 'no headers before', bare && Object.keys(headers(bare)).sort())
    t.note(
      'DLX-06',
      'types',
      deaths(bare)?.map((each) => Object.entries(each).map(([key, value]) => `${key} ${typeof value}`)),
    )
  }),

  scenario(
    'the same death again is counted, another one is another entry',
    ['DLX-08', 'DLX-09', 'DLX-10', 'DLX-13'],
    async (t) => {
      const channel = await t.channel()
      const [q, dead] = [t.name('q'), t.name('dead')]
      await channel.assertQueue(dead, { deadLetterExchange: '', deadLetterRoutingKey: q })
      await channel.assertQueue(q, { deadLetterExchange: '', deadLetterRoutingKey: dead })
      t.publish(channel, '', q, 'a', { expiration: '40' })
      let message: Message | undefined = (await t.await(dead, 1, channel))[0]
      t.note('DLX-10', 'after one death', message && headers(message))
      const [x, all] = [t.name('x'), t.name('all')]
      await channel.assertExchange(x, 'fanout')
      await channel.assertQueue(all)
      await channel.bindQueue(all, x, '')
      t.publish(channel, '', q, 'b')
      for (const queue of [q, dead, q, dead]) {
        await t.until(async () => (await t.ready(queue)) === 1)
        await reject(t, channel, queue)
      }
      await t.until(async () => (await t.ready(q)) === 1)
      message = await t.get(channel, q)
      t.note('DLX-08', 'twice round', deaths(message))
      t.note('DLX-10', 'first death', { ...headers(message), 'x-death': undefined })
      channel.ack(message)
      const own = t.name('own')
      await channel.assertQueue(own, { deadLetterExchange: '' })
      t.send(channel, own, 'c')
      for (let i = 0; i < 3; i++) {
        await t.until(async () => (await t.ready(own)) === 1)
        const each = await t.get(channel, own)
        t.note('DLX-13', 'rejected to itself', [each.fields.redelivered, deaths(each)?.[0]?.count])
        channel.reject(each, false)
      }
      const last = await t.await(own, 1, channel)
      t.note(
        'DLX-13',
        'and on',
        last.map((each) => deaths(each)?.[0]?.count),
      )
      const [mixed, sink] = [t.name('mixed'), t.name('sink')]
      await channel.assertQueue(sink)
      await channel.assertQueue(mixed, { deadLetterExchange: '', deadLetterRoutingKey: sink })
      t.send(channel, mixed, 'd')
      await reject(t, channel, mixed)
      const [first] = await t.await(sink, 1)
      t.publish(channel, '', mixed, 'd', { headers: first?.properties.headers, expiration: '0' })
      const [second] = await t.await(sink, 1)
      t.note(
        'DLX-09',
        'rejected, then expired',
        deaths(second)?.map(({ reason, count }) => [reason, count]),
      )
    },
  ),

  scenario('a circle without a reject ends', ['DLX-12', 'DLX-14'], async (t) => {
    const [channel, own, q, dead, x, watch] = [
      await t.channel(),
      t.name('own'),
      t.name('q'),
      t.name('dead'),
      t.name('x'),
      t.name('watch'),
    ]
    await channel.assertQueue(own, { deadLetterExchange: '', messageTtl: 30 })
    t.send(channel, own, 'a')
    await channel.checkQueue(own)
    await t.pass(250)
    t.note('DLX-14', 'its own dead-letter queue', await t.drain(own, channel))
    await channel.assertExchange(x, 'fanout')
    await channel.assertQueue(watch)
    await channel.assertQueue(q, { deadLetterExchange: x, messageTtl: 30 })
    await channel.assertQueue(dead, { deadLetterExchange: '', deadLetterRoutingKey: q, messageTtl: 30 })
    for (const each of [watch, dead]) await channel.bindQueue(each, x, '')
    t.send(channel, q, 'b')
    await channel.checkQueue(q)
    await t.pass(400)
    t.note('DLX-12', 'copies to another queue', (await t.take(watch, channel)).map(deaths))
    t.note('DLX-12', 'left', [await t.drain(q, channel), await t.drain(dead, channel)])
    const [work, wait] = [t.name('work'), t.name('wait')]
    await channel.assertQueue(work, { deadLetterExchange: '', deadLetterRoutingKey: wait })
    await channel.assertQueue(wait, { deadLetterExchange: '', deadLetterRoutingKey: work, messageTtl: 30 })
    t.send(channel, work, 'c')
    const inbox = await t.consume(channel, work)
    for (let i = 1; i <= 3; i++) channel.reject(await inbox.nth(i), false)
    t.note(
      'DLX-12',
      'a reject in the circle',
      deaths(await inbox.nth(4))?.map(({ reason, queue, count }) => [reason, queue, count]),
    )
  }),

  scenario('a dead letter is routed as any message', ['DLX-15', 'DLX-20', 'EX-17'], async (t) => {
    const channel = await t.channel()
    const [x, alternate, q] = [t.name('x'), t.name('alternate'), t.name('q')]
    const [one, two, rest, full] = [t.name('one'), t.name('two'), t.name('rest'), t.name('full')]
    await channel.assertExchange(alternate, 'fanout', { internal: true })
    await channel.assertExchange(x, 'topic', { internal: true, alternateExchange: alternate })
    for (const each of [one, two, rest]) await channel.assertQueue(each)
    await channel.bindQueue(one, x, 'a.#')
    await channel.bindQueue(two, x, '*.b')
    await channel.bindQueue(rest, alternate, '')
    await channel.assertQueue(q, { deadLetterExchange: x })
    await channel.bindQueue(q, 'amq.topic', `*.b.${q}`)
    await channel.bindQueue(q, 'amq.direct', `${q}.c`)
    const direct = t.name('direct')
    await channel.assertExchange(direct, 'direct')
    for (const key of ['a.b', 'c']) await channel.bindQueue(q, direct, key)
    t.publish(channel, direct, 'a.b', 'to both', { mandatory: true })
    await reject(t, channel, q)
    t.note('DLX-15', 'two queues', [bodies(await t.await(one, 1)), bodies(await t.await(two, 1))])
    const returned: string[] = []
    channel.on('return', (message) => returned.push(body(message)))
    t.publish(channel, direct, 'c', 'to none', { mandatory: true })
    await reject(t, channel, q)
    t.note('EX-17', 'the alternate', (await t.await(rest, 1)).map(delivery))
    const lost = t.name('lost')
    await channel.assertQueue(lost, { deadLetterExchange: 'amq.direct', deadLetterRoutingKey: t.name('none') })
    t.publish(channel, '', lost, 'nowhere', { mandatory: true })
    await reject(t, channel, lost)
    t.note('DLX-15', 'returned', returned)
    await channel.assertQueue(full, { maxLength: 0, overflow: 'reject-publish' })
    const source = t.name('source')
    await channel.assertQueue(source, { deadLetterExchange: '', deadLetterRoutingKey: full })
    t.send(channel, source, 'refused')
    await reject(t, channel, source)
    t.note('DLX-20', 'to a full queue', [await t.ready(full), await t.ready(source)])
  }),

  scenario(
    'a reject in a transaction kills at its commit',
    ['DLX-24', 'TX-05'],
    async (t) => {
      const channel = await t.channel()
      const [q, dead] = await pair(t, channel)
      t.send(channel, q, 'a')
      await t.protocol.call(channel, 'tx.select')
      const message = await t.get(channel, q)
      channel.reject(message, false)
      t.note('DLX-24', 'before', await t.ready(dead))
      await t.protocol.call(channel, 'tx.rollback')
      t.note('DLX-24', 'rolled back', await t.ready(dead))
      channel.reject(message, false)
      await t.protocol.call(channel, 'tx.commit')
      t.note('DLX-24', 'committed', bodies(await t.await(dead, 1)))
      t.note('TX-05', 'again', await t.fate(channel, () => channel.ack(message)))
    },
    { needs: ['protocol'] },
  ),
]
