/** Bad input: what it costs. Nothing but an error. */
import { Broker, type LeveretError, type VirtualHost } from 'leveret'
import { expect } from 'vitest'

/** What an error must be, besides being typed. */
export interface ExpectedError {
  readonly code: LeveretError['code']
  readonly replyCode?: number
  /** The whole reply text. */
  readonly replyText?: string
  /** A part of the message. */
  readonly message?: string
}

/** A broker with one of each: exchanges, queues, bindings, a consumer and messages, for bad input to spoil. */
export async function furnished(): Promise<{ broker: Broker; host: VirtualHost }> {
  const broker = new Broker()
  const host = broker.virtualHost('/')
  const topic = await host.declareExchange('topic', 'topic')
  await host.declareExchange('headers', 'headers')
  const queue = await host.declareQueue('plain', { bindings: [topic.key('a.*')] })
  await host.declareQueue('quorum', { type: 'quorum' })
  await host.declareQueue('limited', { maxLengthBytes: 1000 })
  await queue.send('message')
  return { broker, host }
}

/** Calls, and expects an error of this kind; everything that the broker shows is afterwards as it was before. */
export async function expectRefused(
  broker: Broker,
  call: () => unknown,
  expected: ExpectedError,
): Promise<LeveretError> {
  const before = structuredClone(broker.overview())
  let error: LeveretError | undefined
  try {
    await call()
  } catch (caught) {
    error = caught as LeveretError
  }
  expect(error, 'an error').toBeInstanceOf(Error)
  const { message, ...rest } = expected
  expect(error).toMatchObject({ ...rest, ...(message !== undefined && { message: expect.stringContaining(message) }) })
  expect(broker.overview()).toEqual(before)
  return error as LeveretError
}
