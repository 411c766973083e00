/** What one user may do in one virtual host (USR-01 to USR-09, PUB-14). Asked of at every operation of a connection. */
import { AccessRefusedError, PreconditionFailedError } from '../errors.js'
import { PLACEHOLDERS, type Right, regexOf, type User } from './users.js'

/** A connection, as what it wants is checked and what it declares exclusively is its own. */
export interface Client {
  /** Undefined where nothing is checked. */
  readonly rights: Rights | undefined
}

export class Rights {
  readonly user: User
  readonly #virtualHost: string
  readonly #names: boolean

  /** `names` the right in the error text, as RabbitMQ does since 3.12 (USR-06). */
  constructor(user: User, virtualHost: string, names: boolean) {
    this.user = user
    this.#virtualHost = virtualHost
    this.#names = names
  }

  /** @throws AccessRefusedError. */
  check(right: Right, kind: 'queue' | 'exchange', name: string): void {
    // USR-05
    const shown = kind === 'exchange' && name === '' ? 'amq.default' : name
    if (this.#may(right, shown)) return
    this.#refuse(right, `${kind} '${shown}'`)
  }

  /** A passive declare: any of the three will do, since RabbitMQ 4.2.7 and 4.3.1 (USR-04). @throws AccessRefusedError. */
  checkAny(kind: 'queue' | 'exchange', name: string): void {
    if (!this.#names || (['read', 'write', 'configure'] as const).some((right) => this.#may(right, name))) return
    this.#refuse('configure', `${kind} '${name}'`)
  }

  /** Checks the key of a publish or binding on a topic exchange (USR-08). @throws AccessRefusedError. */
  checkTopic(right: 'write' | 'read', exchange: string, key: string): void {
    const permission = this.user.topics.get(this.#virtualHost)?.get(exchange)
    if (permission === undefined) return
    const values: Record<string, string> = { username: this.user.name, vhost: this.#virtualHost }
    // USR-09
    const pattern = permission[right].replace(PLACEHOLDERS, (_, name: string) => escaped(values[name] as string))
    if (regexOf(pattern).test(key)) return
    this.#refuse(right, `topic '${key}' in exchange '${exchange}'`)
  }

  /** @throws PreconditionFailedError when a message may not carry this user (PUB-14). */
  checkUserId(userId: string): void {
    const { name, tags } = this.user
    if (userId === name || tags.includes('impersonator')) return
    throw new PreconditionFailedError(`user_id property set to '${userId}' but authenticated user was '${name}'`)
  }

  #may(right: Right, name: string): boolean {
    return this.user.permissions.get(this.#virtualHost)?.regexes[right].test(name) === true
  }

  #refuse(right: Right, what: string): never {
    const text = `access to ${what} in vhost '${this.#virtualHost}' refused for user '${this.user.name}'`
    throw new AccessRefusedError(this.#names ? `${right} ${text}` : text)
  }
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}
