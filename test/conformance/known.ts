// The differences that are known, each with its reason: from RabbitMQ 3.10.8, and of the present RabbitMQ from 3.10. A
// difference that is not here fails the suite, and so does one that is here and is not seen.

export interface Known {
  readonly rule: string
  /** Title of the scenario. */
  readonly title: string
  /** What the note says; all notes of the rule in this scenario where it is left out. */
  readonly what?: string
  /** Why. */
  readonly why: string
}

/** A rule, and what its notes say; all of them where nothing is said. */
type Row = readonly [rule: string, ...whats: string[]]

/** Differences of one scenario, for one reason. */
function because(why: string, title: string, ...rows: readonly Row[]): Known[] {
  return rows.flatMap(([rule, ...whats]) =>
    whats.length === 0 ? [{ rule, title, why }] : whats.map((what) => ({ rule, title, what, why })),
  )
}

/** Where leveret, with `compatibility: '3.10'`, does otherwise than RabbitMQ 3.10.8. */
export const KNOWN: readonly Known[] = [
  ...because(
    'inside an array or a table RabbitMQ compares the widths of integers; a JavaScript number has none',
    'header values match by value and kind',
    ['XT-18', 'nested'],
  ),
  ...because(
    'RabbitMQ’s channels remember what they were allowed; here a change holds from the next operation on',
    'a pattern is found anywhere, an empty one nowhere',
    ['USR-07', 'a channel that was allowed before'],
  ),
  ...because(
    'there are no streams: their type is refused before their arguments are looked at',
    'arguments of later kinds',
    ['QA-17', '5', '0h', '7X', '7'],
  ),
  ...because(
    'amqplib sends a table of headers with every message, be it empty; an empty one is none here',
    'tracing shows what comes in and what goes out',
    ['TRC-04', 'unroutable'],
  ),
]

const SERVER = 'https://github.com/rabbitmq/rabbitmq-server'
const SOURCE = `${SERVER}/blob/v4.3.x/deps/rabbit/src`
const NOTES = `${SERVER}/blob/main/release-notes`
const DOCS = 'https://www.rabbitmq.com/docs'

const UNKNOWN_TYPE = `an unknown type of exchange is 406 on the channel since 3.13.3: ${NOTES}/3.13.3.md, ${SERVER}/pull/11214`
const LAST_DEATH = `x-last-death-… tell of the last death since 3.13: ${DOCS}/dlx#effects`
const CLIENTS_DEATH = `an x-death that a client publishes is not interpreted since 4.0: ${NOTES}/4.0.1.md; and ${LAST_DEATH}`
const KEPT_CC = `a new routing key leaves CC where it is since 3.13: ${SOURCE}/mc.erl, record_death`
const TOLD = `the text names the permission that is missing since 3.12: ${SOURCE}/rabbit_access_control.erl, check_resource_access`
const PASSIVE = `a passive declare, by which scenarios look whether a channel lives, needs any one right since 4.3.1: ${SERVER}/pull/16272`
const RIGHTS = `${TOLD}; and ${PASSIVE}`
const REPLIES = `a reply is routed, as to a queue, since 4.2: ${NOTES}/4.2.0.md, ${DOCS}/direct-reply-to`
const RETURNS = `there is a delivery limit of 20 by default since 4.0, and a nack does not count for it since 4.3: ${NOTES}/4.0.1.md, ${SERVER}/pull/15387`

const TIMEOUTS = `only quorum queues have a consumer timeout since 4.3: ${DOCS}/consumers#acknowledgement-timeout`

/** Where leveret, with `compatibility: '4.3'`, does otherwise than with '3.10': as RabbitMQ does since. */
export const SINCE: readonly Known[] = [
  ...because(
    UNKNOWN_TYPE,
    'a code says what dies, whatever the method',
    ['GEN-01', 'a hard code'],
    ['CH-26', 'the other channel died with the connection'],
  ),
  ...because(
    UNKNOWN_TYPE,
    'an unknown type ends the connection, whatever else is wrong',
    ['EX-05', 'unknown type', 'empty type'],
    ['EX-06', 'of an exchange that is there'],
  ),
  ...because(CLIENTS_DEATH, 'an x-death of the client’s is history', ['PUB-25']),
  ...because(KEPT_CC, 'a dead letter goes by its new key, or by all it had', ['DLX-11', 'CC']),
  ...because(LAST_DEATH, 'the history says where and why', ['DLX-23', 'headers', 'no headers before']),
  ...because(CLIENTS_DEATH, 'the same death again is counted, another one is another entry', [
    'DLX-09',
    'rejected, then expired',
  ]),
  ...because(LAST_DEATH, 'the same death again is counted, another one is another entry', [
    'DLX-10',
    'after one death',
    'first death',
  ]),
  ...because(
    REPLIES,
    'replies come to the channel that asked',
    ['DRT-05'],
    ['DRT-07', 'mandatory', 'to nobody, mandatory'],
  ),
  ...because(PASSIVE, 'who may not come in is told why', ['USR-01', 'a record that grants nothing']),
  ...because(
    RIGHTS,
    'each operation needs its right',
    ['USR-03'],
    ['GET-02'],
    ['CON-04'],
    ['USR-04', 'none: queue.declare passive', 'none: exchange.declare passive'],
    ['USR-06', 'denied'],
  ),
  ...because(
    RIGHTS,
    'an alternate or dead-letter exchange needs rights of its own',
    ['AE-07'],
    ['DLX-16'],
    ['USR-03'],
    ['E2E-06'],
    ['BIND-09'],
  ),
  ...because(
    RIGHTS,
    'a pattern is found anywhere, an empty one nowhere',
    ['USR-02'],
    ['USR-05'],
    ['PUB-23', 'the default exchange'],
    ['USR-07', 'a channel that was allowed before', 'a new channel'],
  ),
  ...because(
    `${TOLD}; topic permissions are for CC and BCC, too, in 4: ${SERVER}/pull/12553`,
    'topic permissions look at the key',
    ['USR-08', 'publish', 'publish with a CC'],
    ['BIND-09', 'bind', 'unbind', 'bind an exchange'],
  ),
  ...because(
    `operator policies may have overflow since 3.12.7: ${NOTES}/3.12.7.md, ${SERVER}/pull/9650`,
    'what is no setting is refused',
    ['POL-09', '{"overflow":"reject-publish"}'],
  ),
  ...because(
    `a limit for the channel is one for each consumer in 4.3: ${DOCS}/consumer-prefetch`,
    'other operations that a quorum queue has not',
    ['QOS-14', 'a limit for the channel'],
  ),
  ...because(
    RETURNS,
    'what comes back is served first, in order of its return',
    ['QQ-05', 'counts'],
    ['QQ-06', 'with 4 ready, after 3, then 1 were nacked', 'and then'],
    ['QQ-08', 'flags'],
  ),
  ...because(TIMEOUTS, 'a delivery must be acknowledged in time', ['CON-20'], ['ACK-11']),
  ...because(RETURNS, 'a message may come back so often', ['QQ-04', 'deliveries with a limit of 2'], ['DLX-01', 'why']),
]

/** True when the difference is one of these. */
export function isKnown(known: Known, difference: { title: string; rule: string; what: string }): boolean {
  const { title, rule, what } = difference
  return known.title === title && known.rule === rule && (known.what === undefined || known.what === what)
}
