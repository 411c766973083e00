// Where the rules, compiled by reading, say something else than the live RabbitMQ 3.10.8 does. RabbitMQ wins.

export interface Correction {
  readonly rule: string
  /** What the rule says. */
  readonly said: string
  /** What RabbitMQ 3.10.8 does, as the scenarios note it. */
  readonly does: string
}

export const CORRECTIONS: readonly Correction[] = [
  {
    rule: 'GEN-13',
    said: "V is 'true', the value '10' of type 'long', or none",
    does: "two values that differ are shown bare, \"received '11' but current is '10'\"; the type is told only where the other side is none",
  },
  {
    rule: 'EX-05',
    said: '"invalid exchange type" is for a type that is registered and not loaded',
    does: 'the empty type, too, is told "invalid exchange type \'\'", 503, connection',
  },
  {
    rule: 'XT-15',
    said: 'values compare by value, ignoring integer width',
    does: 'a timestamp 1 equals the integer 1 and the double 1.0, and bytes equal the string of those bytes; only a bool equals nothing else',
  },
  {
    rule: 'LEN-11',
    said: 'lowering the limit by policy: reject modes only stop new ones',
    does: 'so where the overflow is an argument; a policy that brings max-length and overflow reject-publish together trims first, as drop-head does, and refuses afterwards',
  },
  {
    rule: 'DRT-08',
    said: 'an address cannot be bound, purged, deleted (404)',
    does: 'delete answers delete-ok with 0 messages, as of any queue that is not there; bind, purge and get are 404',
  },
  {
    rule: 'USR-07',
    said: 'a channel remembers its last 12 positive results until they are pushed out',
    does: 'a channel that rests for about a second forgets them all, and is refused at its next operation; one that does not rest goes on',
  },
  {
    rule: 'VH-03',
    said: 'its connections are closed with 320 "vhost \'v\' is deleted"',
    does: 'or with 320 "vhost \'v\' is down", whichever is told first',
  },
  {
    rule: 'QQ-05',
    said: 'x-delivery-count is on redeliveries only, of deliver and get-ok',
    does: 'so of deliver; a get-ok has x-delivery-count 0 at the first time',
  },
  {
    rule: 'QQ-06',
    said: 'requeued messages go to a returns list served before ready ones, in return order',
    does: 'so where the queue has an x-delivery-limit; without one they go to the tail, in return order',
  },
  {
    rule: 'QQ-01',
    said: 'the same texts as of streams, one for each property',
    does: 'of several faults auto-delete is told first',
  },
  {
    rule: 'XT-28',
    said: 'binding an exchange replays the history through it',
    does: 'newest first, where a queue has it oldest first',
  },
]
