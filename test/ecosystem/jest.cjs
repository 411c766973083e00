// Jest, with amqplib replaced by moduleNameMapper.
const { brokerOf, reset } = require('leveret/amqplib')
const orders = require('./orders.cjs')

afterEach(reset)

test('is sent by amqplib and received by a library in node_modules', async () => {
  await orders.send('one')
  expect(await orders.count()).toBe(1)
  expect(brokerOf('amqp://localhost:1').virtualHost('/').peek('orders')).toHaveLength(1)
  expect(await orders.receive()).toBe('one')
})

test('finds nothing of the test before', async () => {
  await orders.send('two')
  expect(await orders.count()).toBe(1)
})

test('works under fake timers', async () => {
  jest.useFakeTimers()
  try {
    await orders.send('three')
    expect(await orders.count()).toBe(1)
  } finally {
    jest.useRealTimers()
  }
})
