/** What the compiler knows of exchanges, bindings and queues, in the words of an application. */
import {
  type BindingKey,
  type Bus,
  body,
  type Consumer,
  type Delivery,
  type Exchange,
  type ExchangeProducer,
  type MatchingKeys,
  type Queue,
  type StandardSchema,
} from 'leveret'
import { describe, expectTypeOf, test } from 'vitest'

interface Created {
  readonly id: number
}
interface Paid {
  readonly amount: number
}
interface Orders {
  'order.created': Created
  'order.cancelled': Created
  'order.paid.eu': Paid
}

declare const bus: Bus
declare const orders: Exchange<Orders, 'topic'>
declare const text: string

describe('an exchange', () => {
  test('takes a body with its key, and no other', async () => {
    await orders.send('order.created', { id: 1 })
    orders.publish('order.paid.eu', { amount: 1 })
    // @ts-expect-error: the body of another key
    await orders.send('order.created', { amount: 1 })
    // @ts-expect-error: no such key
    orders.publish('order.create', { id: 1 })
    // @ts-expect-error: a pattern is no key
    await orders.send('order.*', { id: 1 })
    expectTypeOf(orders.createProducer()).toEqualTypeOf<ExchangeProducer<Orders>>()
  })

  test('takes by a key that is held in a variable what any of its keys takes', () => {
    const key = text as 'order.created' | 'order.paid.eu'
    orders.publish(key, { id: 1 })
    orders.publish(key, { amount: 1 })
    // @ts-expect-error: neither of the two
    orders.publish(key, { name: 'x' })
  })

  test('can be published to by a function that is generic in the key', () => {
    const publish = <E extends object, K extends keyof E & string>(to: Exchange<E>, key: K, message: E[K]) =>
      to.send(key, message)
    void publish(orders as Exchange<Orders>, 'order.created', { id: 1 })
    // @ts-expect-error: the body of another key
    void publish(orders as Exchange<Orders>, 'order.created', { amount: 1 })
    const send = <K extends keyof Orders>(key: K, message: Orders[K]) => orders.send(key, message)
    void send('order.paid.eu', { amount: 1 })
  })

  test('is one of any type, and the other way round', () => {
    expectTypeOf(orders).toExtend<Exchange>()
    expectTypeOf(orders).toExtend<Exchange<Orders>>()
    expectTypeOf<Exchange<Orders>>().toExtend<Exchange<Orders, 'topic'>>()
    expectTypeOf<Exchange>().toExtend<Exchange<Orders, 'topic'>>()
  })

  test('is of the type that it is declared with', async () => {
    expectTypeOf(await bus.declareExchange<Orders>('o', 'topic')).toEqualTypeOf<Exchange<Orders, 'topic'>>()
    expectTypeOf(await bus.declareExchange<Orders>('o', 'direct')).toEqualTypeOf<Exchange<Orders, 'direct'>>()
    expectTypeOf(await bus.declareExchange<Paid>('o', 'fanout')).toEqualTypeOf<Exchange<Record<string, Paid>>>()
    expectTypeOf(bus.exchange<Orders, 'topic'>('o')).toEqualTypeOf<Exchange<Orders, 'topic'>>()
    expectTypeOf(bus.exchange<Orders>('o').key('no check of a type that is not told')).toEqualTypeOf<
      BindingKey<Created | Paid>
    >()
  })
})

describe('a binding key of a topic exchange', () => {
  test('tells the bodies that can come by it', () => {
    expectTypeOf(orders.key('order.*')).toEqualTypeOf<BindingKey<Created>>()
    expectTypeOf(orders.key('order.#')).toEqualTypeOf<BindingKey<Created | Paid>>()
    expectTypeOf(orders.key('#.eu')).toEqualTypeOf<BindingKey<Paid>>()
    expectTypeOf(orders.key('order.paid.eu')).toEqualTypeOf<BindingKey<Paid>>()
  })

  test('is refused when no routing key matches', () => {
    // @ts-expect-error: misspelt
    orders.key('ordr.*')
    // @ts-expect-error: a word too many
    orders.key('order.*.*.*')
    // @ts-expect-error: upper case is another word
    orders.key('Order.created')
  })

  test('may be one of several patterns, each of which has to match', () => {
    expectTypeOf(orders.key(text as 'order.created' | '*.paid.*')).toEqualTypeOf<BindingKey<Created | Paid>>()
    // @ts-expect-error: the second matches nothing
    orders.key(text as 'order.created' | 'ordr.*')
  })

  test('may be just a string, by which anything can come', () => {
    expectTypeOf(orders.key(text)).toEqualTypeOf<BindingKey<Created | Paid>>()
  })

  test('may be made of parts, of which one is just a string, that stands for whatever fits', () => {
    expectTypeOf(orders.key(`order.paid.${text}`)).toEqualTypeOf<BindingKey<Paid>>()
    expectTypeOf(orders.key(`${text}.paid.eu`)).toEqualTypeOf<BindingKey<Paid>>()
    expectTypeOf(orders.key(`order.${text}`)).toEqualTypeOf<BindingKey<Created | Paid>>()
    expectTypeOf(orders.key(`order.c${text}`)).toEqualTypeOf<BindingKey<Created>>()
    expectTypeOf(orders.key(`#.p${text}d.*`)).toEqualTypeOf<BindingKey<Paid>>()
    // @ts-expect-error: whatever the string is
    orders.key(`ordr.${text}`)
  })
})

describe('a routing key with placeholders', () => {
  interface Regional {
    [key: `order.${string}.eu`]: Paid
    [key: `v${number}.x`]: Created
    plain: string
  }
  type Matched<Pattern extends string> = MatchingKeys<keyof Regional & string, Pattern, 'topic'>
  type Eu = `order.${string}.eu`
  type Version = `v${number}.x`

  test('has one word or more in the place of a whole word', () => {
    expectTypeOf<Matched<'order.*.eu'>>().toEqualTypeOf<Eu>()
    expectTypeOf<Matched<'order.paid.eu'>>().toEqualTypeOf<Eu>()
    expectTypeOf<Matched<'order.*.*.eu'>>().toEqualTypeOf<Eu>()
    expectTypeOf<Matched<'order.a.b.c.eu'>>().toEqualTypeOf<Eu>()
    expectTypeOf<Matched<'order.eu'>>().toEqualTypeOf<never>()
    expectTypeOf<Matched<'order.paid.us'>>().toEqualTypeOf<never>()
  })

  test('has one word in the place of a part of a word', () => {
    expectTypeOf<Matched<'v1.x'>>().toEqualTypeOf<Version>()
    expectTypeOf<Matched<'*.x'>>().toEqualTypeOf<Version>()
    expectTypeOf<Matched<'v.x'>>().toEqualTypeOf<never>()
    expectTypeOf<Matched<'vx.x'>>().toEqualTypeOf<never>()
    expectTypeOf<Matched<'*.*.x'>>().toEqualTypeOf<never>()
  })

  test('is matched by # beside literal keys', () => {
    expectTypeOf<Matched<'#'>>().toEqualTypeOf<Eu | Version | 'plain'>()
    expectTypeOf<Matched<'*'>>().toEqualTypeOf<'plain'>()
    expectTypeOf<Matched<'#.eu'>>().toEqualTypeOf<Eu>()
    expectTypeOf<Matched<'#.order.#'>>().toEqualTypeOf<Eu>()
    expectTypeOf<Matched<'#.asia.#'>>().toEqualTypeOf<Eu>()
  })

  test('types what is sent and what is bound', async () => {
    const regional = await bus.declareExchange<Regional>('regional', 'topic')
    await regional.send('order.paid.eu', { amount: 1 })
    await regional.send(`v${Number(text)}.x`, { id: 1 })
    // @ts-expect-error: the body of another key
    await regional.send('v2.x', { amount: 1 })
    // @ts-expect-error: no such key
    await regional.send('order.paid.us', { amount: 1 })
    expectTypeOf(regional.key('order.#')).toEqualTypeOf<BindingKey<Paid>>()
    expectTypeOf(regional.key('*.x')).toEqualTypeOf<BindingKey<Created>>()
  })
})

describe('a direct exchange', () => {
  test('is bound by its keys and nothing else', async () => {
    const direct = await bus.declareExchange<Orders>('d', 'direct')
    expectTypeOf(direct.key('order.created')).toEqualTypeOf<BindingKey<Created>>()
    // @ts-expect-error: * is no wildcard here
    direct.key('order.*')
    expectTypeOf(direct.key(text)).toEqualTypeOf<BindingKey<Created | Paid>>()
    expectTypeOf(direct.key(`order.paid.${text}`)).toEqualTypeOf<BindingKey<Paid>>()
  })

  test('may have keys with placeholders', async () => {
    const direct = await bus.declareExchange<Record<`user.${number}`, Created>>('d', 'direct')
    expectTypeOf(direct.key('user.1')).toEqualTypeOf<BindingKey<Created>>()
    expectTypeOf(direct.key(`user.${Number(text)}`)).toEqualTypeOf<BindingKey<Created>>()
    // @ts-expect-error: not a number
    direct.key('user.x')
  })
})

describe('an exchange whose keys say nothing', () => {
  test('has one body type, whatever the key, when it is fanout or headers', async () => {
    const fanout = await bus.declareExchange<Paid>('f', 'fanout')
    expectTypeOf(fanout.key('')).toEqualTypeOf<BindingKey<Paid>>()
    await fanout.send('anything', { amount: 1 })
    // @ts-expect-error: another body
    await fanout.send('anything', { id: 1 })
    const headers = await bus.declareExchange<Paid>('h', 'headers')
    expectTypeOf(headers.key('', { type: 'png' })).toEqualTypeOf<BindingKey<Paid>>()
  })

  test('stays open with Record<string, T>', async () => {
    const open = await bus.declareExchange<Record<string, Paid>>('r', 'topic')
    await open.send('any.key', { amount: 1 })
    expectTypeOf(open.key('any.*')).toEqualTypeOf<BindingKey<Paid>>()
  })

  test('stays open without types', async () => {
    const open = await bus.declareExchange('u', 'topic')
    await open.send('any.key', { whatever: 1 })
    const queue = await bus.declareQueue('q', { bindings: [open.key('any.*')] })
    expectTypeOf(queue).toEqualTypeOf<Queue>()
    await bus.queue<Paid>('p').bind(open.key('#'))
  })
})

describe('a queue', () => {
  test('has the bodies that its bindings let through', async () => {
    const both = await bus.declareQueue('q', { bindings: [orders.key('order.*'), orders.key('*.paid.*')] })
    expectTypeOf(both).toEqualTypeOf<Queue<Created | Paid>>()
    const { body: received } = await both.get({ wait: true })
    expectTypeOf(received).toEqualTypeOf<Created | Paid>()
    const nameless = await bus.declareQueue({ exclusive: true, bindings: [orders.key('order.*')] })
    expectTypeOf(nameless).toEqualTypeOf<Queue<Created>>()
  })

  test('is of unknown bodies without any', async () => {
    expectTypeOf(await bus.declareQueue('q', { bindings: [] })).toEqualTypeOf<Queue>()
    expectTypeOf(await bus.declareQueue('q')).toEqualTypeOf<Queue>()
    expectTypeOf(await bus.declareQueue({ maxLength: 1 })).toEqualTypeOf<Queue>()
    expectTypeOf(await bus.declareQueue()).toEqualTypeOf<Queue>()
  })

  test('of a type that is told refuses bindings by which others could come', async () => {
    await bus.declareQueue<Created>('q', { bindings: [orders.key('order.*')] })
    await bus.declareQueue<Created | Paid | string>('q', { bindings: [orders.key('#')] })
    // @ts-expect-error: Paid as well
    await bus.declareQueue<Created>('q', { bindings: [orders.key('order.#')] })
  })

  test('is bound later by what its type allows, and stays what it is', async () => {
    const queue = await bus.declareQueue<Created>('q')
    await queue.bind(orders.key('order.cancelled'))
    // @ts-expect-error: Paid as well
    await queue.bind(orders.key('#'))
    expectTypeOf(queue).toEqualTypeOf<Queue<Created>>()
    await queue.unbind(orders.key('#'))
  })

  test('of one body is no queue of another', () => {
    expectTypeOf<Queue<Created>>().toExtend<Queue>()
    expectTypeOf<Queue<Created>>().not.toExtend<Queue<Paid>>()
    expectTypeOf<Consumer<Created>>().toExtend<Consumer>()
  })
})

test('an exchange is bound to an exchange whose bodies it may have', async () => {
  const created = await bus.declareExchange<Pick<Orders, 'order.created' | 'order.cancelled'>>('c', 'topic')
  await created.bind(orders.key('order.*'))
  // @ts-expect-error: Paid as well
  await created.bind(orders.key('order.#'))
})

describe('a schema', () => {
  /** A date that travels as text. */
  const date = body() as unknown as StandardSchema<string, Date>

  test('types what goes into a queue and what comes out of it', async () => {
    for (const queue of [
      await bus.declareQueue('q', { body: date }),
      await bus.declareQueue({ body: date }),
      await bus.declareQueue('q', { body: date, maxLength: 1, bindings: [orders.key('#')] }),
      bus.queue('q', { body: date }),
    ]) {
      expectTypeOf(queue).toEqualTypeOf<Queue<Date, unknown, string>>()
      await queue.send('2030-01-01')
      // @ts-expect-error: that is what comes out
      queue.publish(new Date())
      queue.createConsumer().run((delivery) => expectTypeOf(delivery).toEqualTypeOf<Delivery<Date>>())
    }
  })

  test('types the keys of an exchange', async () => {
    const exchange = await bus.declareExchange('e', 'topic', {
      messages: { 'day.begun': date, 'day.counted': body<number>() },
    })
    await exchange.send('day.begun', '2030-01-01')
    await exchange.send('day.counted', 1)
    // @ts-expect-error: the body of another key
    await exchange.send('day.counted', '2030-01-01')
    const queue = await bus.declareQueue('q', { bindings: [exchange.key('day.*')] })
    expectTypeOf(queue).toEqualTypeOf<Queue<Date | number>>()
    // @ts-expect-error: no such key
    exchange.key('night.*')
    const handle = bus.exchange('e', { messages: { 'day.begun': date } })
    handle.publish('day.begun', '2030-01-01')
    // @ts-expect-error: no such key
    handle.publish('day.counted', 1)
  })

  test('types all messages of an exchange', async () => {
    const exchange = await bus.declareExchange('e', 'fanout', { body: date })
    await exchange.send('', '2030-01-01')
    // @ts-expect-error: that is what comes out
    await exchange.send('', new Date())
    expectTypeOf(exchange.key('')).toEqualTypeOf<BindingKey<Date>>()
  })

  test('types a producer by itself', async () => {
    const queue = bus.queue<Date>('q')
    await queue.createProducer({ body: date }).send('2030-01-01')
    const exchange = bus.exchange('e')
    await exchange.createProducer({ body: date }).send('k', '2030-01-01')
    // @ts-expect-error: the input is text
    await exchange.createProducer({ messages: { k: date } }).send('k', new Date())
  })

  test('types a consumer by itself', () => {
    expectTypeOf(bus.queue<string>('q').createConsumer({ body: date, prefetch: 1 })).toEqualTypeOf<Consumer<Date>>()
    expectTypeOf(bus.queue<string>('q').createConsumer({ prefetch: 1 })).toEqualTypeOf<Consumer<string>>()
  })

  test('may be types alone, of all keys at once', async () => {
    const exchange = await bus.declareExchange('e', 'topic', { messages: body<Orders>() })
    expectTypeOf(exchange.key('order.*')).toEqualTypeOf<BindingKey<Created>>()
    // @ts-expect-error: no such key
    exchange.publish('order.create', { id: 1 })
    expectTypeOf(await bus.declareQueue('q', { body: body<Paid>() })).toEqualTypeOf<Queue<Paid>>()
  })
})
