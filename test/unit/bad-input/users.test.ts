/** Users, permissions and limits that are wrong: the error, and nothing changed. */
import { type Call, invalid, table, unknown, wrong } from './table.js'

const rights = { configure: '', write: '', read: '' }
const noUser = { code: 'NOT_FOUND', message: "no user 'gust' (did you mean 'guest'?)" } as const

table('addUser', [
  ['no name', (_, broker) => broker.addUser(''), invalid("addUser: expected a name, got ''")],
  ['a name that is none', (_, broker) => broker.addUser(wrong(1)), invalid('addUser: name: expected a string, got 1')],
  [
    'a password that is none',
    (_, broker) => broker.addUser('u', { password: wrong(1) }),
    invalid("'password' must be"),
  ],
  [
    'two passwords',
    (_, broker) => broker.addUser('u', { password: 'x', passwordHash: '' }),
    invalid("expected 'password' or 'passwordHash', got both"),
  ],
  ['a hash that is none', (_, broker) => broker.addUser('u', { passwordHash: '€' }), invalid('must be base64')],
  [
    'a hash that nobody knows',
    (_, broker) => broker.addUser('u', { passwordHash: '', hashingAlgorithm: wrong('rot13') }),
    invalid("'hashingAlgorithm' must be one of 'rabbit_password_hashing_sha256'"),
  ],
  [
    'tags in a string',
    (_, broker) => broker.addUser('u', { tags: wrong('administrator') }),
    invalid('an array of strings'),
  ],
  [
    'a misspelt option',
    (_, broker) => broker.addUser('u', wrong({ pasword: 'x' })),
    unknown("did you mean 'password'?"),
  ],
  ['a user to delete that is not there', (_, broker) => broker.deleteUser('gust'), noUser],
])

const permissions: Call[] = [
  ['nobody', (_, broker) => broker.setPermissions('gust', rights), noUser],
  ['nobody, to clear', (_, broker) => broker.clearPermissions('gust'), noUser],
  [
    'no virtual host',
    (_, broker) => broker.setPermissions('guest', { ...rights, virtualHost: 'x' }),
    { code: 'NOT_FOUND', message: "no vhost 'x'" },
  ],
  [
    'a part',
    (_, broker) => broker.setPermissions('guest', wrong({ configure: '', write: '' })),
    invalid("setPermissions: option 'read' is required"),
  ],
  ['no options', (_, broker) => broker.setPermissions('guest', wrong(undefined)), invalid("'configure' is required")],
  [
    'what is no regular expression',
    (_, broker) => broker.setPermissions('guest', { ...rights, write: '(' }),
    invalid("permissions of user 'guest': '(' should be regular expression but is invalid: "),
  ],
  [
    'a misspelt option',
    (_, broker) => broker.setPermissions('guest', wrong({ ...rights, vhost: '/' })),
    unknown('vhost'),
  ],
  [
    'a key that is no regular expression',
    (_, broker) => broker.setTopicPermissions('guest', { exchange: 'x', write: '{username}(', read: '' }),
    invalid("topic permissions of user 'guest': '{username}(' should be"),
  ],
  [
    'no exchange',
    (_, broker) => broker.setTopicPermissions('guest', wrong({ write: '', read: '' })),
    invalid("setTopicPermissions: option 'exchange' is required"),
  ],
  ['topics of nobody', (_, broker) => broker.clearTopicPermissions('gust'), noUser],
]
table('setPermissions', permissions)

table('setLimits', [
  ['of nobody', (_, broker) => broker.setUserLimits('gust', {}), noUser],
  [
    'of a user in words',
    (_, broker) => broker.setUserLimits('guest', { maxChannels: wrong('x') }),
    invalid("setUserLimits: option 'maxChannels' must be an integer from -1"),
  ],
  [
    'of a user, misspelt',
    (_, broker) => broker.setUserLimits('guest', wrong({ maxChanels: 1 })),
    unknown('maxChannels'),
  ],
  ['below none', (host) => host.setLimits({ maxQueues: -2 }), invalid("option 'maxQueues' must be an integer from -1")],
  ['misspelt', (host) => host.setLimits(wrong({ maxQueue: 1 })), unknown("did you mean 'maxQueues'?")],
])
