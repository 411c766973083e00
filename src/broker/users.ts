/** The users of a broker: who may log in, what each may do in which virtual host, and how much of it (USR, LIM-03). */
import { AccessRefusedError, InvalidOptionError, NotAllowedError, NotFoundError } from '../errors.js'
import { digestOf, type HashingAlgorithm, host } from '../host.js'
import { didYouMean } from '../options.js'
import { patternOf } from './patterns.js'
import type { BrokerServices } from './services.js'

/** The three rights, each a regular expression of the names it is given for. */
export type Right = keyof Permissions

/** What a user may configure, write to and read from in a virtual host: regular expressions, searched for in names. */
export interface Permissions {
  /** Names of queues and exchanges that may be declared and deleted; '' is none. */
  readonly configure: string
  /** Names of exchanges that may be published to, and of queues and exchanges that may be bound. */
  readonly write: string
  /** Names of queues that may be consumed, and of exchanges that may be bound to. */
  readonly read: string
}

/** Regular expressions that keys have to match on one topic exchange. `{username}` and `{vhost}` are replaced. */
export interface TopicPermissions {
  /** Routing keys of publishes. */
  readonly write: string
  /** Binding keys. */
  readonly read: string
}

/** Limits of a user; -1 and undefined are none. */
export interface UserLimits {
  /** Connections at once, to all virtual hosts. */
  readonly maxConnections?: number
  /** Channels at once, of all AMQP connections. */
  readonly maxChannels?: number
}

interface Granted extends Permissions {
  readonly regexes: Readonly<Record<Right, RegExp>>
}

/** How a user proves to be the one. */
export interface Credentials {
  readonly password: string | undefined
  readonly passwordHash: string | undefined
  readonly hashingAlgorithm: HashingAlgorithm
}

export class User {
  readonly name: string
  tags: readonly string[] = []
  credentials: Credentials = { password: undefined, passwordHash: undefined, hashingAlgorithm: SHA256 }
  limits: UserLimits = {}
  /** By virtual host. */
  readonly permissions = new Map<string, Granted>()
  /** By virtual host and exchange. */
  readonly topics = new Map<string, Map<string, TopicPermissions>>()
  /** Connections and channels that are open. */
  connections = 0
  channels = 0

  constructor(name: string) {
    this.name = name
  }

  /**
   * As RabbitMQ keeps it (USR-11), salted when it is first asked for; undefined where the user has no password, or the
   * platform cannot hash.
   */
  get passwordHash(): string | undefined {
    const { password, passwordHash, hashingAlgorithm } = this.credentials
    if (passwordHash !== undefined || password === undefined || password === '') return passwordHash
    const salt = Array.from({ length: 4 }, () => Math.floor(Math.random() * 256))
    const made = digestOf(hashingAlgorithm, salt, password)
    // n.b. an export and the next one are the same.
    this.credentials = { password, passwordHash: made, hashingAlgorithm }
    return made
  }

  proves(password: string): boolean {
    const { password: own, passwordHash: hash, hashingAlgorithm } = this.credentials
    if (password === '') return false
    if (own !== undefined) return own === password
    if (hash === undefined || hash === '') return false
    const salt = Array.from(host.atob(hash).slice(0, 4), (character) => character.charCodeAt(0))
    return digestOf(hashingAlgorithm, salt, password) === hash
  }
}

export const SHA256: HashingAlgorithm = 'rabbit_password_hashing_sha256'

export class Users {
  readonly #broker: BrokerServices
  readonly #changed: (user: User, virtualHost: string, exchange?: string) => void
  readonly #users = new Map<string, User>()

  /** `changed` hears of every change of a user's rights in a virtual host, or on one exchange of it. */
  constructor(broker: BrokerServices, changed: (user: User, virtualHost: string, exchange?: string) => void) {
    this.#broker = broker
    this.#changed = changed
    // USR-12
    const guest = new User('guest')
    guest.tags = ['administrator']
    guest.credentials = { ...guest.credentials, password: 'guest' }
    this.#users.set(guest.name, guest)
  }

  [Symbol.iterator](): IterableIterator<User> {
    return this.#users.values()
  }

  /** Makes a user, or changes one. */
  add(name: string, credentials: Credentials, tags: readonly string[]): void {
    let user = this.#users.get(name)
    if (user === undefined) {
      user = new User(name)
      this.#users.set(name, user)
      this.#broker.announce('user.created', () => ({ user: name }))
    }
    user.credentials = credentials
    user.tags = tags
    this.#broker.settle()
  }

  delete(name: string): void {
    this.find(name)
    this.#users.delete(name)
    this.#broker.announce('user.deleted', () => ({ user: name }))
  }

  /** @throws NotFoundError. */
  find(name: string): User {
    const user = this.#users.get(name)
    if (user !== undefined) return user
    throw new NotFoundError(`no user '${name}'`, didYouMean(name, this.#users.keys()))
  }

  has(name: string): boolean {
    return this.#users.has(name)
  }

  /** True when anybody has topic permissions on this exchange. */
  guard(virtualHost: string, exchange: string): boolean {
    return [...this].some(({ topics }) => topics.get(virtualHost)?.has(exchange))
  }

  /** @throws AccessRefusedError as RabbitMQ answers a login (CH-11). */
  authenticate(name: string, password: string | undefined): User {
    const user = this.#users.get(name)
    const proven = user?.proves(password ?? '') === true
    const event = proven ? 'user.authentication.success' : 'user.authentication.failure'
    this.#broker.announce(event, () => ({ user: name }))
    if (proven) return user
    this.#broker.settle()
    throw new AccessRefusedError(
      'Login was refused using authentication mechanism PLAIN. For details see the broker logfile.',
      user === undefined ? `there is no user '${name}'` : `wrong password of user '${name}'`,
    )
  }

  /** @throws NotAllowedError past the limit of connections (LIM-03). */
  checkConnections({ name, connections, limits: { maxConnections = -1 } }: User): void {
    if (maxConnections < 0 || connections < maxConnections) return
    throw new NotAllowedError(
      `connection refused for user '${name}': user connection limit (${maxConnections}) is reached`,
    )
  }

  setPermissions(name: string, virtualHost: string, permissions: Permissions): void {
    const { configure, write, read } = permissions
    const compile = (pattern: string) => regexOf(pattern, `permissions of user '${name}': '${pattern}'`)
    const regexes = { configure: compile(configure), write: compile(write), read: compile(read) }
    const user = this.find(name)
    user.permissions.set(virtualHost, { configure, write, read, regexes })
    this.#changed(user, virtualHost)
    this.#broker.announce('permission.created', () => ({ user: name, virtualHost, configure, write, read }))
    this.#broker.settle()
  }

  clearPermissions(name: string, virtualHost: string): void {
    const user = this.find(name)
    if (!user.permissions.delete(virtualHost)) return
    this.#changed(user, virtualHost)
    this.#broker.announce('permission.deleted', () => ({ user: name, virtualHost }))
    this.#broker.settle()
  }

  setTopicPermissions(name: string, virtualHost: string, exchange: string, { write, read }: TopicPermissions): void {
    const user = this.find(name)
    for (const pattern of [write, read]) {
      // n.b. what stands in braces is replaced later, and would be a quantifier now.
      regexOf(pattern.replace(PLACEHOLDERS, 'x'), `topic permissions of user '${name}': '${pattern}'`)
    }
    const exchanges = user.topics.get(virtualHost) ?? new Map<string, TopicPermissions>()
    user.topics.set(virtualHost, exchanges.set(exchange, { write, read }))
    this.#changed(user, virtualHost, exchange)
    this.#broker.announce('topic.permission.created', () => ({ user: name, virtualHost, exchange, write, read }))
    this.#broker.settle()
  }

  /** Of one exchange, or of all of the virtual host. */
  clearTopicPermissions(name: string, virtualHost: string, exchange?: string): void {
    const exchanges = this.find(name).topics.get(virtualHost)
    if (exchange === undefined) exchanges?.clear()
    else exchanges?.delete(exchange)
    this.#broker.announce('topic.permission.deleted', () => ({ user: name, virtualHost }))
    this.#broker.settle()
  }

  /** A virtual host is gone, and what was granted in it. */
  forget(virtualHost: string): void {
    for (const user of this) {
      user.permissions.delete(virtualHost)
      user.topics.delete(virtualHost)
    }
  }
}

/** What the name of the user and of the virtual host replace in topic permissions (USR-09). */
export const PLACEHOLDERS = /\{(username|vhost)\}/g

/** Compiles what a right is given for; '' is for no name at all (USR-02). @throws InvalidOptionError. */
export function regexOf(pattern: string, what = pattern): RegExp {
  return patternOf(what, pattern === '' ? '^$' : pattern)
}

/** Checks what was given for a hash. @throws InvalidOptionError. */
export function checkHash(what: string, hash: string): void {
  if (hash === '' || (/^[A-Za-z0-9+/]+=*$/.test(hash) && hash.length % 4 === 0)) return
  throw new InvalidOptionError(`${what}: option 'passwordHash' must be base64 of the salt and the hash, or ''`)
}
