// The same under Jest, of an application that knows nothing but amqplib. Jest gives it leveret/amqplib in its place:
// moduleNameMapper: { '^amqplib(/callback_api)?$': 'leveret/amqplib$1' }
const amqp = require('amqplib')
const { reset, useBroker } = require('leveret/amqplib')
const { matchers, testBroker } = require('leveret/testing')

expect.extend(matchers)
afterEach(() => reset())

/** The application: it sends a mail for each order. */
async function startMailing(mail) {
  const channel = await (await amqp.connect('amqp://localhost')).createChannel()
  await channel.assertQueue('mails.dead')
  await channel.assertQueue('mails', { deadLetterExchange: '', deadLetterRoutingKey: 'mails.dead' })
  await channel.consume('mails', async (message) => {
    if (message === null) return
    try {
      await mail(JSON.parse(message.content.toString()).customer)
      channel.ack(message)
    } catch {
      channel.nack(message, false, false)
    }
  })
  return { order: (customer) => channel.sendToQueue('mails', Buffer.from(JSON.stringify({ customer }))) }
}

test('sends a mail for each order', () =>
  testBroker(async (kit) => {
    useBroker(kit.broker)
    const sent = []
    const { order } = await startMailing(async (to) => void sent.push(to))
    order('ada')
    await kit.settled()
    expect(sent).toEqual(['ada'])
    expect(kit).toHaveBeenAcked({ queue: 'mails', body: { customer: 'ada' } })
    expect(kit).toBeEmpty()
  }))

test('keeps what cannot be sent', () =>
  testBroker(async (kit) => {
    useBroker(kit.broker)
    const { order } = await startMailing(() => Promise.reject(new Error('the mail server is down')))
    order('ada')
    await kit.deadLettered.any({ queue: 'mails', body: { customer: 'ada' } })
    expect(kit.bus.queue('mails.dead')).toHaveReady(1)
    expect(kit).toHaveDeadLettered({ body: { customer: expect.any(String) } }, { times: 1 })
  }))
