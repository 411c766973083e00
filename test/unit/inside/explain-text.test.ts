/** The text of an explanation, as a person reads it. */
import { readFileSync } from 'node:fs'
import { Broker, type VirtualHost } from 'leveret'
import { describe, expect, it, onTestFinished } from 'vitest'
import { turn } from '../../support/turn.js'

function start(): VirtualHost {
  const broker = new Broker({ highWatermark: 50 })
  onTestFinished(async () => void (await broker.close({ timeout: 0 })))
  return broker.virtualHost('/')
}

describe('the text of an explanation', () => {
  it('tells the way through exchanges as a tree, and what happens in each queue', async () => {
    const host = start()
    const rest = await host.declareExchange('unrouted', 'fanout')
    const orders = await host.declareExchange('orders', 'topic', { alternateExchange: 'unrouted' })
    const billing = await host.declareExchange('billing', 'direct', { alternateExchange: 'unrouted' })
    const audit = await host.declareQueue('audit', {
      bindings: [orders.key('order.#')],
      maxLength: 2,
      deadLetter: 'old',
    })
    await billing.bind(orders.key('*.paid.*'))
    await host.declareQueue('mails', { bindings: [orders.key('order.*')] })
    await host.declareQueue('invoices', { bindings: [billing.key('order.paid')] })
    await host.declareQueue('lost', { bindings: [rest.key('')], messageTtl: 60_000 })
    await audit.send(1)
    await audit.send(2)
    expect(`${host.explain('orders', 'order.paid.eu')}`).toMatchInlineSnapshot(`
      "'order.paid.eu' to exchange 'orders': 2 queues get a copy

      topic exchange 'orders'
        ✓ 'order.#' → queue 'audit': # is 'paid.eu'
        ✓ '*.paid.*' → exchange 'billing': * is 'order', * is 'eu'
          direct exchange 'billing'
            ✗ 'order.paid' → queue 'invoices': another key
            ✓ alternate exchange 'unrouted': asked, as no binding matched
              fanout exchange 'unrouted'
                ✓ → queue 'lost': fanout goes to every binding
        ✗ 'order.*' → queue 'mails': 'eu' is left over
        – alternate exchange 'unrouted': not asked, as a binding matched

      queue 'audit', by 'orders'
        stored behind 1 ready message: it has no consumer
        it drops a message from its head, being full (maxLength 2, overflow drop-head)
        what dies here goes to the default exchange with key 'old', and on to queue 'old'

      queue 'lost', by 'orders' → 'billing' → 'unrouted'
        stored: it has no consumer
        it expires after 60000 ms, as the queue says
        what dies here is lost: the queue has no dead-letter exchange

      near misses
        'order.*' of exchange 'orders' → queue 'mails': \`order.*\` takes exactly 2 words, the key has 3: use \`order.#\`?"
    `)
  })

  it('is what docs/explain.md shows', async () => {
    const host = start()
    const orders = await host.declareExchange<{ 'order.paid.eu': object }>('orders', 'topic')
    await host.declareQueue('audit', { bindings: [host.exchange('orders').key('order.#')] })
    await host.declareQueue('mails', { bindings: [host.exchange('orders').key('order.*')] })
    const [, shown] = /^This prints:\n\n```text\n([\s\S]*?)\n```/m.exec(readFileSync('docs/explain.md', 'utf8')) ?? []
    expect(`${host.explain(orders, 'order.paid.eu')}`).toBe(shown)
  })

  it('names what nearly matched when nothing did', async () => {
    const host = start()
    const orders = await host.declareExchange('orders', 'topic')
    await host.declareQueue('mails', { bindings: [orders.key('order.*'), orders.key('mail*')] })
    await host.declareQueue('invoices', { bindings: [orders.key('order.*.eu')] })
    await host.declareQueue('all', { bindings: [orders.key('')] })
    expect(`${host.explain('orders', 'ordr.paid.eu')}`).toMatchInlineSnapshot(`
      "'ordr.paid.eu' to exchange 'orders': no queue gets it, and it is dropped (if it were mandatory, it would come back)

      topic exchange 'orders'
        ✗ 'order.*' → queue 'mails': word 1 is 'ordr', not 'order'
        ✗ 'mail*' → queue 'mails': word 1 is 'ordr', not 'mail*'
        ✗ 'order.*.eu' → queue 'invoices': word 1 is 'ordr', not 'order'
        ✗ '' → queue 'all': 'ordr.paid.eu' is left over

      near misses
        'order.*.eu' of exchange 'orders' → queue 'invoices': 'ordr' is near to 'order'
        exchange 'orders' → queue 'all': the empty pattern takes the empty key only: use \`#\` for every key?"
    `)
    expect(`${host.explain('orders', 'mails.sent', { mandatory: true })}`).toMatchInlineSnapshot(`
      "'mails.sent' to exchange 'orders': no queue gets it, and it comes back, as it is mandatory

      topic exchange 'orders'
        ✗ 'order.*' → queue 'mails': word 1 is 'mails', not 'order'
        ✗ 'mail*' → queue 'mails': word 1 is 'mails', not 'mail*'
        ✗ 'order.*.eu' → queue 'invoices': word 1 is 'mails', not 'order'
        ✗ '' → queue 'all': 'mails.sent' is left over

      near misses
        'mail*' of exchange 'orders' → queue 'mails': \`*\` and \`#\` stand for whole words only, between dots
        exchange 'orders' → queue 'all': the empty pattern takes the empty key only: use \`#\` for every key?"
    `)
    expect(`${host.explain('', 'mial')}`).toMatchInlineSnapshot(`
      "'mial' to the default exchange: no queue gets it, and it is dropped (if it were mandatory, it would come back)

      the default exchange
        ✗ there is no queue of that name"
    `)
  })

  it('compares header by header', async () => {
    const host = start()
    const uploads = await host.declareExchange('uploads', 'headers')
    await host.declareQueue('large', { bindings: [uploads.key('', { type: 'photo', pages: 1, by: null, 'x-id': 7 })] })
    await host.declareQueue('any', { bindings: [uploads.key('', { 'x-match': 'any', type: 'photo', kind: 'raw' })] })
    await host.declareQueue('every', { bindings: [uploads.key('', {})] })
    const headers = { type: 'photo', pages: '1', by: ['me'] }
    expect(`${host.explain('uploads', '', { headers })}`).toMatchInlineSnapshot(`
      "'' to exchange 'uploads': 2 queues get a copy

      headers exchange 'uploads'
        ✗ → queue 'large': all of: ✓ type is 'photo', ✗ pages is the string '1', not the number 1, ✓ by is there, (x-id does not count)
        ✓ → queue 'any': any of: ✓ type is 'photo', ✗ kind is missing
        ✓ → queue 'every': all of: no headers

      queue 'any', by 'uploads'
        stored: it has no consumer

      queue 'every', by 'uploads'
        stored: it has no consumer

      near misses
        exchange 'uploads' → queue 'large': header 'pages' is the string '1', the binding wants the number 1"
    `)
  })

  it('tells further keys apart, and a second way from the first', async () => {
    const host = start()
    const direct = await host.declareExchange('direct', 'direct')
    const jobs = await host.declareQueue('jobs', { bindings: [direct.key('a'), direct.key('b')] })
    await host.declareQueue('other', { bindings: [direct.key('c')] })
    const consumer = jobs.createConsumer({ prefetch: 1 })
    consumer.consume(() => undefined)
    const tag = host.queues()[0]?.consumers[0]?.consumerTag ?? ''
    const headers = { CC: ['b'] }
    expect(`${host.explain('direct', 'a', { headers })}`.replaceAll(tag, 'tag')).toMatchInlineSnapshot(`
      "'a' to exchange 'direct': 1 queue gets a copy

      direct exchange 'direct'
        ✓ 'a' → queue 'jobs': 'a': the same key
        ✓ 'b' → queue 'jobs' (reached already): CC 'b': the same key
        ✗ 'c' → queue 'other': 'a': another key; CC 'b': another key

      queue 'jobs', by 'direct'
        given at once to consumer 'tag'"
    `)
    await jobs.send(1)
    await turn()
    expect(`${host.explain('', 'jobs')}`).toMatchInlineSnapshot(`
      "'jobs' to the default exchange: 1 queue gets a copy

      the default exchange
        ✓ 'jobs' → queue 'jobs': the same key

      queue 'jobs', by the default exchange
        stored: its consumers are at their prefetch limit"
    `)
  })

  it('tells what full queues and short lives do', async () => {
    const host = start()
    const all = await host.declareExchange('all', 'fanout')
    const bindings = [all.key('')]
    const picky = await host.declareQueue('picky', {
      maxLength: 1,
      overflow: 'reject-publish-dlx',
      deadLetter: 'dead',
      bindings,
    })
    const patient = await host.declareQueue('patient', { maxLength: 1, overflow: 'block', bindings })
    await host.declareQueue('instant', { messageTtl: 0, deadLetterExchange: 'graves', bindings })
    await host.declareQueue('nothing', { maxLength: 0, bindings })
    const idle = await host.declareQueue('idle', { messageTtl: 5000, deadLetterExchange: '', bindings })
    host.pause('idle')
    await picky.send(1)
    await patient.send(1)
    await idle.send(1)
    expect(`${host.explain(all, 'key', { expiration: 900 })}`).toMatchInlineSnapshot(`
      "'key' to exchange 'all': refused by queue 'picky', though others take a copy

      fanout exchange 'all'
        ✓ → queue 'picky': fanout goes to every binding
        ✓ → queue 'patient': fanout goes to every binding
        ✓ → queue 'instant': fanout goes to every binding
        ✓ → queue 'nothing': fanout goes to every binding
        ✓ → queue 'idle': fanout goes to every binding

      queue 'picky', by 'all'
        refused, the queue being full (maxLength 1, overflow reject-publish-dlx)
        what dies here goes to the default exchange with key 'dead', and on to queue 'dead'

      queue 'patient', by 'all'
        stored behind 1 ready message: it has no consumer; full (maxLength 1, overflow block), it withholds the confirm
        it expires after 900 ms, as the message says
        what dies here is lost: the queue has no dead-letter exchange

      queue 'instant', by 'all'
        dies at once: its time to live is 0, and no consumer can take it now
        what dies here goes to exchange 'graves' with its own key: there is no such exchange, so it is lost

      queue 'nothing', by 'all'
        dropped at once, the queue being full (maxLength 0, overflow drop-head)
        what dies here is lost: the queue has no dead-letter exchange

      queue 'idle', by 'all'
        stored behind 1 ready message: the queue is paused
        it expires after 900 ms, the smaller of 5000 (queue) and 900 (message)
        what dies here goes to the default exchange with its own key, and is lost: no queue gets it"
    `)
    await picky.delete()
    expect(`${host.explain(all, 'key')}`.split('\n')[0]).toMatchInlineSnapshot(
      `"'key' to exchange 'all': 4 queues get a copy, and the confirm waits for room in queue 'patient'"`,
    )
    await patient.delete()
    await idle.delete()
    expect(`${host.explain(all, 'key', { expiration: 0 })}`.split('\n')[0]).toMatchInlineSnapshot(
      `"'key' to exchange 'all': 2 queues get a copy, where it dies at once"`,
    )
  })

  it('shortens long lists', async () => {
    const host = start()
    const wide = await host.declareExchange('wide', 'topic')
    for (let n = 0; n < 30; n++) await host.declareQueue(`q${n}`, { bindings: [wide.key(`order.paid.to.q${n}`)] })
    const lines = `${host.explain('wide', 'order.paid.to.q')}`.split('\n')
    expect(lines.slice(21)).toMatchInlineSnapshot(`
      [
        "  ✗ 'order.paid.to.q18' → queue 'q18': word 4 is 'q', not 'q18'",
        "  ✗ 'order.paid.to.q19' → queue 'q19': word 4 is 'q', not 'q19'",
        "  ✗ … and 10 more that do not match",
        "",
        "near misses",
        "  'order.paid.to.q0' of exchange 'wide' → queue 'q0': 'q' is near to 'q0'",
        "  'order.paid.to.q1' of exchange 'wide' → queue 'q1': 'q' is near to 'q1'",
        "  'order.paid.to.q2' of exchange 'wide' → queue 'q2': 'q' is near to 'q2'",
        "  'order.paid.to.q3' of exchange 'wide' → queue 'q3': 'q' is near to 'q3'",
        "  'order.paid.to.q4' of exchange 'wide' → queue 'q4': 'q' is near to 'q4'",
        "  … and 25 more",
      ]
    `)
  })

  it('names five queues in a row and counts the others', async () => {
    const host = start()
    const graves = await host.declareExchange('graves', 'fanout')
    for (let n = 0; n < 7; n++) await host.declareQueue(`dead${n}`, { bindings: [graves.key('')] })
    await host.declareQueue('q', { messageTtl: 0, deadLetterExchange: 'graves' })
    expect(`${host.explain('', 'q')}`.split('\n').at(-1)).toBe(
      "  what dies here goes to exchange 'graves' with its own key, and on to " +
        "queue 'dead0', queue 'dead1', queue 'dead2', queue 'dead3', queue 'dead4' and 2 more",
    )
  })

  it('is short where there is little to tell', async () => {
    const host = start()
    await host.declareExchange('inner', 'fanout', { internal: true })
    await host.declareExchange('empty', 'direct', { alternateExchange: 'gone' })
    expect(`${host.explain('inner', 'key')}`).toMatchInlineSnapshot(
      `"'key' to exchange 'inner': refused, for the exchange is internal: it takes messages from other exchanges only"`,
    )
    expect(`${host.explain('empty', 'key')}`).toMatchInlineSnapshot(`
      "'key' to exchange 'empty': no queue gets it, and it is dropped (if it were mandatory, it would come back)

      direct exchange 'empty'
        ✗ nothing is bound to it
        ✗ alternate exchange 'gone': there is no such exchange"
    `)
  })
})
