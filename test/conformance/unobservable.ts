// [core] rules that no client of AMQP can observe, and why. They are tested where they can be seen.

const RESTART = 'needs a restart with durable storage'

export const UNOBSERVABLE: Readonly<Record<string, string>> = {
  'EX-18': RESTART,
  'Q-20': RESTART,
  'BIND-06': 'is about a bit of a frame; amqplib sends no nowait with a bind or unbind',
  'BIND-11': RESTART,
  'PUB-20': RESTART,
  'TTL-12': RESTART,
  'CH-15': 'amqplib holds itself to the number of channels agreed on, and refuses before the broker is asked',
  'CH-27': 'amqplib encodes every table itself, and cannot send a malformed one',
}

/** Rules of which a client sees a part only; the rest belongs to the HTTP API. */
export const PARTLY: Readonly<Record<string, string>> = {
  'CH-01': 'opened twice is observed; a method on a channel that is not open is refused by amqplib itself',
  'CH-10': 'amqplib shows what the broker says of itself',
  'CH-18': 'that the connection is refused is observed; amqplib keeps the text of a refusal while opening to itself',
  'EX-20': 'observed of the alternate exchange; types with arguments of their own are plug-ins',
  'Q-26': 'that it cannot be unbound and routes is observed; that it is listed is the HTTP API',
  'POL-13': 'what the node tells rabbitmqctl of a queue',
  'USR-13': 'whether the operator was refused; status codes are the HTTP API',
  'VH-02': 'by rabbitmqctl nobody has permissions in a new virtual host; the HTTP API gives them to its user',
  'VH-04': 'the operator is refused; status codes are the HTTP API',
}
