/** Users and their rights, as they are given to a broker and listed by it. */
import {
  checkHash,
  type Permissions,
  SHA256,
  type TopicPermissions,
  type User,
  type UserLimits,
  type Users,
} from '../broker/users.js'
import { InvalidOptionError } from '../errors.js'
import type { HashingAlgorithm } from '../host.js'
import { checkShortString } from '../names.js'
import { type Checks, checkOptions, integer, oneOf, string } from '../options.js'

/** What a user is made of. */
export interface UserOptions {
  /** The password in clear. One that is empty, or missing with no hash, lets nobody in. @default none */
  readonly password?: string
  /** The password as RabbitMQ's definitions have it: base64 of a salt of 4 bytes and the hash of both. @default none */
  readonly passwordHash?: string
  /** How that was hashed. @default 'rabbit_password_hashing_sha256' */
  readonly hashingAlgorithm?: HashingAlgorithm
  /**
   * Such as `administrator` or `monitoring`. `impersonator` may publish with any `userId`; the others have no effect here.
   * @default none
   */
  readonly tags?: readonly string[]
}

/** A user. */
export interface UserInfo {
  /** Its name. */
  readonly name: string
  /** Its password as RabbitMQ's definitions have it; '' where it has none. */
  readonly passwordHash: string
  /** How that was hashed. */
  readonly hashingAlgorithm: HashingAlgorithm
  /** As given. */
  readonly tags: readonly string[]
  /** What it may have at once. */
  readonly limits: UserLimits
}

/** Rights of a user in a virtual host. All three are required; '' is nothing, '.*' everything. */
export interface PermissionOptions extends Permissions {
  /** Name of the virtual host. @default '/' */
  readonly virtualHost?: string
}

/** Rights of a user on a topic exchange, beside those on the exchange itself. */
export interface TopicPermissionOptions extends TopicPermissions {
  /** Name of the virtual host. @default '/' */
  readonly virtualHost?: string
  /** Name of the exchange, which need not exist. */
  readonly exchange: string
}

/** Rights of a user in a virtual host. */
export interface PermissionInfo extends Permissions {
  /** Name of the user. */
  readonly user: string
  /** Name of the virtual host. */
  readonly virtualHost: string
}

/** Rights of a user on a topic exchange. */
export interface TopicPermissionInfo extends TopicPermissions {
  /** Name of the user. */
  readonly user: string
  /** Name of the virtual host. */
  readonly virtualHost: string
  /** Name of the exchange. */
  readonly exchange: string
}

const USER_CHECKS: Checks = {
  password: string,
  passwordHash: string,
  hashingAlgorithm: oneOf(SHA256, 'rabbit_password_hashing_sha512', 'rabbit_password_hashing_md5'),
  tags: (value) =>
    Array.isArray(value) && value.every((tag) => typeof tag === 'string') ? undefined : 'an array of strings',
}
const count = integer(-1, Number.MAX_SAFE_INTEGER, '-1 = no limit')
const LIMIT_CHECKS: Checks = { maxConnections: count, maxChannels: count }
const PERMISSION_CHECKS: Checks = { virtualHost: string, configure: string, write: string, read: string }
const TOPIC_CHECKS: Checks = { virtualHost: string, exchange: string, write: string, read: string }

export function addUser(users: Users, name: string, options: UserOptions = {}): void {
  checkShortString('addUser: name', name)
  if (name === '') throw new InvalidOptionError("addUser: expected a name, got ''")
  checkOptions('addUser', options, USER_CHECKS)
  const { password, passwordHash, hashingAlgorithm = SHA256, tags = [] } = options
  if (password !== undefined && passwordHash !== undefined) {
    throw new InvalidOptionError("addUser: expected 'password' or 'passwordHash', got both")
  }
  if (passwordHash !== undefined) checkHash('addUser', passwordHash)
  users.add(name, { password, passwordHash, hashingAlgorithm }, [...tags])
}

export function userInfo(user: User): UserInfo {
  const { name, passwordHash = '', tags, limits } = user
  return { name, passwordHash, hashingAlgorithm: user.credentials.hashingAlgorithm, tags, limits }
}

export function setUserLimits(users: Users, name: string, limits: UserLimits): void {
  checkOptions('setUserLimits', limits, LIMIT_CHECKS)
  users.find(name).limits = { ...limits }
}

/** Answers the rights with the name of the virtual host. */
export function permissionsOf(options: PermissionOptions): Required<PermissionOptions> {
  checkGiven('setPermissions', options, PERMISSION_CHECKS)
  return { virtualHost: '/', ...options }
}

export function topicPermissionsOf(options: TopicPermissionOptions): Required<TopicPermissionOptions> {
  checkGiven('setTopicPermissions', options, TOPIC_CHECKS)
  return { virtualHost: '/', ...options }
}

function checkGiven(what: string, options: object, checks: Checks): void {
  checkOptions(what, options, checks)
  const missing = Object.keys(checks).find(
    (name) => name !== 'virtualHost' && (options as Record<string, unknown> | undefined)?.[name] === undefined,
  )
  if (missing !== undefined) throw new InvalidOptionError(`${what}: option '${missing}' is required`)
}

export function permissionList(users: Users): PermissionInfo[] {
  return [...users].flatMap(({ name: user, permissions }) =>
    [...permissions].map(([virtualHost, { configure, write, read }]) => ({
      user,
      virtualHost,
      configure,
      write,
      read,
    })),
  )
}

export function topicPermissionList(users: Users): TopicPermissionInfo[] {
  return [...users].flatMap(({ name: user, topics }) =>
    [...topics].flatMap(([virtualHost, exchanges]) =>
      [...exchanges].map(([exchange, { write, read }]) => ({ user, virtualHost, exchange, write, read })),
    ),
  )
}
