import { diffDefinitions, exportDefinitions, importDefinitions } from 'leveret/definitions'
import { expect, it } from 'vitest'
import { invalid, table, unknown, wrong } from './table.js'

const load =
  (definitions: unknown, options?: object) => (_: unknown, broker: Parameters<typeof importDefinitions>[0]) =>
    importDefinitions(broker, wrong(definitions), wrong(options))
const queue = { name: 'new', vhost: '/', durable: true, auto_delete: false, arguments: {} }
const policy = { name: 'p', vhost: '/', pattern: '', definition: { 'max-length': 1 } }

// What cannot be read changes nothing, however far behind the readable it stands.
table('importDefinitions', [
  ['a text', load('{}'), invalid("definitions: expected an object, as JSON.parse makes it, got '{}'")],
  ['a list', load([]), invalid('definitions: expected an object, as JSON.parse makes it, got an array')],
  ['nothing', load(undefined), invalid('definitions: expected an object, as JSON.parse makes it, got undefined')],
  ['a misspelt option', load({}, { vhost: '/' }), unknown("unknown option 'vhost'")],
  [
    'a way with the unsupported that is none',
    load({}, { unsupported: 'ignore' }),
    invalid("option 'unsupported' must be one of 'refuse', 'skip', got 'ignore'"),
  ],
  [
    'a section that is no list',
    load({ queues: [queue], bindings: {} }),
    invalid('definitions.bindings: expected an array, got an object of class Object'),
  ],
  [
    'a queue without a name',
    load({ queues: [queue, { ...queue, name: undefined }] }),
    invalid('definitions.queues[1].name: expected a string, got undefined'),
  ],
  [
    'an entry that is null',
    load({ queues: [null] }),
    invalid('definitions.queues[0].name: expected a string, got undef'),
  ],
  [
    'a flag that is none',
    load({ exchanges: [{ name: 'e', vhost: '/', type: 'topic', durable: 'yes' }] }),
    invalid("definitions.exchanges[0].durable: expected true or false, got 'yes'"),
  ],
  [
    'arguments that are none',
    load({ queues: [{ ...queue, arguments: [['x-max-length']] }] }),
    invalid('definitions.queues[0].arguments: expected an object, got an array'),
  ],
  [
    'a destination that is neither',
    load({ bindings: [{ source: 'a', vhost: '/', destination: 'b', destination_type: 'topic', routing_key: '' }] }),
    invalid("definitions.bindings[0].destination_type: expected 'queue' or 'exchange', got 'topic'"),
  ],
  [
    'a user without tags',
    load({ users: [{ name: 'u', password: 'x' }] }),
    invalid('definitions.users[0].tags: expected an array of strings, got undefined'),
  ],
  [
    'tags that are none',
    load({ users: [{ name: 'u', tags: [1] }] }),
    invalid('definitions.users[0].tags: expected an array of strings, got an array'),
  ],
  [
    'permissions without a right',
    load({ permissions: [{ user: 'guest', vhost: '/', configure: '', write: '' }] }),
    invalid('definitions.permissions[0].read: expected a string, got undefined'),
  ],
  [
    'topic permissions without an exchange',
    load({ topic_permissions: [{ user: 'guest', vhost: '/', write: '', read: '' }] }),
    invalid('definitions.topic_permissions[0].exchange: expected a string, got undefined'),
  ],
  [
    'a policy without a definition',
    load({ policies: [{ ...policy, definition: undefined }] }),
    invalid('definitions.policies[0].definition: expected an object, got undefined'),
  ],
  [
    'a priority that is none',
    load({ policies: [{ ...policy, priority: '5' }] }),
    invalid("definitions.policies[0].priority: expected an integer, got '5'"),
  ],
  [
    'an operator policy without a pattern',
    load({ parameters: [{ vhost: '/', component: 'operator_policy', name: 'o', value: { definition: {} } }] }),
    invalid('definitions.parameters[0].value.pattern: expected a string, got undefined'),
  ],
  [
    'limits that are none',
    load({ parameters: [{ vhost: '/', component: 'vhost-limits', name: 'limits', value: 5 }] }),
    invalid('definitions.parameters[0].value: expected an object, got 5'),
  ],
  [
    'a file of one virtual host without the name of one',
    load({ users: [{ name: 'u', tags: [] }], queues: [{ ...queue, vhost: undefined }] }),
    invalid(
      'definitions.queues[0].vhost: expected the name of a virtual host, got undefined; ' +
        "a file of one virtual host needs the option 'virtualHost'",
    ),
  ],
  [
    'a virtual host that there is not',
    load({ queues: [queue] }, { virtualHost: 'nowhere' }),
    { code: 'NOT_ALLOWED', message: 'nowhere' },
  ],
  // And what the broker refuses as the first entry.
  [
    'an entry of a virtual host that there is not',
    load({ queues: [{ ...queue, vhost: 'nowhere' }] }),
    { code: 'NOT_ALLOWED', message: "definitions.queues[0] 'new': NOT_ALLOWED - vhost nowhere not found" },
  ],
  [
    'a hash of a kind that there is not',
    load({ users: [{ name: 'u', tags: [], password_hash: '', hashing_algorithm: 'rot13' }] }),
    invalid(
      "definitions.users[0] 'u': addUser: option 'hashingAlgorithm' must be one of 'rabbit_password_hashing_sha256'",
    ),
  ],
  [
    'permissions of nobody',
    load({ permissions: [{ user: 'nobody', vhost: '/', configure: '', write: '', read: '' }] }),
    { code: 'NOT_FOUND', message: "definitions.permissions[0]: NOT_FOUND - no user 'nobody'" },
  ],
  [
    'a pattern that is none',
    load({ permissions: [{ user: 'guest', vhost: '/', configure: '(', write: '', read: '' }] }),
    invalid("definitions.permissions[0]: permissions of user 'guest': '(' should be regular expression but is invalid"),
  ],
  [
    'a policy key that there is not',
    load({ policies: [{ ...policy, definition: { 'max-lengthx': 1 } }] }),
    invalid(`definitions.policies[0] 'p': policy 'p': Validation failed: [{<<"max-lengthx">>,1}] are not recognised`),
  ],
  [
    'an argument that RabbitMQ refuses',
    load({ queues: [{ ...queue, arguments: { 'x-max-length': -1 } }] }),
    {
      code: 'PRECONDITION_FAILED',
      replyText: "PRECONDITION_FAILED - invalid arg 'x-max-length' for queue 'new' in vhost '/': {value_negative,-1}",
    },
  ],
  [
    'a queue type that there is not',
    load({ queues: [{ ...queue, arguments: { 'x-queue-type': 'stream' } }] }),
    {
      code: 'PRECONDITION_FAILED',
      message: "definitions.queues[0] 'new': PRECONDITION_FAILED - invalid arg 'x-queue-type' for queue 'new'",
    },
  ],
  [
    'an exchange type of a plug-in',
    load({ exchanges: [{ name: 'later', vhost: '/', type: 'x-delayed-message' }] }),
    {
      code: 'PRECONDITION_FAILED',
      message:
        "definitions.exchanges[0] 'later': this broker has no exchange type 'x-delayed-message', leveret/exchange-types has it",
    },
  ],
  [
    'an exchange type that nobody has',
    load({ exchanges: [{ name: 'e', vhost: '/', type: 'x-nope' }] }),
    {
      code: 'PRECONDITION_FAILED',
      message: "definitions.exchanges[0] 'e': PRECONDITION_FAILED - unknown exchange type",
    },
  ],
  [
    'limits that the broker refuses',
    load({ parameters: [{ vhost: '/', component: 'vhost-limits', name: 'limits', value: { 'max-queues': 'x' } }] }),
    invalid("definitions.parameters[0] 'limits': setLimits: option 'maxQueues' must be"),
  ],
])

table('exportDefinitions', [
  ['a misspelt option', (_, broker) => exportDefinitions(broker, wrong({ vhost: '/' })), unknown('virtualHost')],
  [
    'a virtual host that there is not',
    (_, broker) => exportDefinitions(broker, { virtualHost: 'nowhere' }),
    { code: 'NOT_ALLOWED', message: 'nowhere' },
  ],
])

table('diffDefinitions', [
  ['a misspelt option', (_, broker) => diffDefinitions(broker, {}, wrong({ vhost: '/' })), unknown('virtualHost')],
  ['a list', (_, broker) => diffDefinitions(broker, wrong([])), invalid('definitions: expected an object')],
  [
    'an entry without a field',
    (_, broker) => diffDefinitions(broker, wrong({ queues: [{}] })),
    invalid('definitions.queues[0].name: expected a string, got undefined'),
  ],
])

it.each([
  ['importDefinitions', importDefinitions],
  ['exportDefinitions', exportDefinitions],
  ['diffDefinitions', diffDefinitions],
] as [name: string, call: (broker: never, definitions: object) => unknown][])('%s wants a broker', (name, call) => {
  expect(() => call(wrong({}), {})).toThrow(`${name}: expected a broker, got an object of class Object`)
})
