// Messages as plain data for notes.
import type { GetMessage, Message } from 'amqplib'

export const body = (message: Message): string => message.content.toString()
export const bodies = (messages: readonly Message[]): string[] => messages.map(body)

/** A get that must have found something. */
export function got(message: GetMessage | false | undefined): GetMessage {
  if (message === false || message === undefined) throw new Error('expected a message, got none')
  return message
}

/** The body and how it was delivered. */
export function delivery(message: Message) {
  const { redelivered, exchange, routingKey } = message.fields
  return { body: body(message), redelivered, exchange, routingKey }
}

/** The properties that are there. */
export function properties(message: Message): Record<string, unknown> {
  return Object.fromEntries(Object.entries(message.properties).filter(([, value]) => value !== undefined))
}

export const headers = (message: Message): Record<string, unknown> => ({ ...message.properties.headers })
