// Code that imports amqplib runs on leveret by one line, as the docs say.
import { brokerOf, reset } from 'leveret/amqplib'
import { afterEach, expect, test, vi } from 'vitest'
import { connectWithCallback, roundTrip, sameModule } from './app.js'

vi.mock('amqplib', () => import('leveret/amqplib'))
vi.mock('amqplib/callback_api', () => import('leveret/amqplib/callback_api'))
afterEach(reset)

test('an application sends to itself, and no RabbitMQ hears of it', async () => {
  const events: unknown[] = []
  brokerOf().on('queue.created', ({ name }) => events.push(name))
  expect(await roundTrip('hello')).toBe('hello')
  expect(events).toEqual([expect.stringMatching(/^amq\.gen-/)])
})

test('the default import is the module', () => {
  expect(sameModule).toBe(true)
})

test('the callback API is mocked as well, on the same broker', async () => {
  expect(await new Promise<string>((resolve) => connectWithCallback(resolve))).toBe('3.10.8')
})
