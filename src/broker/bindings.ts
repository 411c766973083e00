/**
 * The bindings of a virtual host: who may make and remove them, and what goes with the last of them. They stand at their
 * exchanges, and at the queues and exchanges that they lead to. Whatever throws here has changed nothing.
 */
import type { BindingDeclaration } from '../declarations.js'
import { cleanName } from '../names.js'
import { Binding, bindingIdentity } from './binding.js'
import { checkAccess, checkNotDefault } from './declaration-checks.js'
import type { ExchangeState } from './exchange-state.js'
import type { QueueState } from './queue-state.js'
import type { Client } from './rights.js'
import type { BrokerServices } from './services.js'

/** What bindings need of the virtual host that they are in. */
export interface BindingHome {
  readonly name: string
  readonly broker: BrokerServices
  readonly exchanges: ReadonlyMap<string, ExchangeState>
  /** @throws NotFoundError. */
  exchange(name: string): ExchangeState
  /** @throws NotFoundError, ResourceLockedError. */
  queue(name: string, owner: object): QueueState
  removeExchange(exchange: ExchangeState): void
}

export class Bindings {
  readonly #home: BindingHome

  constructor(home: BindingHome) {
    this.#home = home
  }

  /** Binds a queue or exchange to an exchange; a binding that exists is left as it is (BIND-02). */
  add(declaration: BindingDeclaration, owner: Client): void {
    const home = this.#home
    const { destinationKind, routingKey, arguments: args } = declaration
    const [sourceName, destinationName] = [cleanName(declaration.source), cleanName(declaration.destination)]
    this.#check(sourceName, declaration, destinationName, owner)
    home.broker.tracker?.declaring(home.name, { binding: declaration })
    const source = home.exchange(sourceName)
    const destination =
      destinationKind === 'queue' ? home.queue(destinationName, owner) : home.exchange(destinationName)
    const identity = bindingIdentity(destinationKind, destinationName, routingKey, args)
    if (source.bindings.has(identity)) return
    source.type.validateBinding?.(routingKey, args)
    const binding = new Binding(source, destination, routingKey, args)
    // n.b. first of all: should an exchange type throw, nothing has changed.
    source.router.add(binding)
    source.bindings.set(identity, binding)
    destination.incoming.add(binding)
    home.broker.announce('binding.created', () => binding.describe(home.name))
  }

  /** In RabbitMQ's order (USR-03). */
  #check(source: string, { destinationKind, routingKey }: BindingDeclaration, to: string, owner: Client): void {
    owner.rights?.check('write', destinationKind, to)
    checkNotDefault(source)
    if (destinationKind === 'exchange') checkNotDefault(to)
    owner.rights?.check('read', 'exchange', source)
    const type = this.#home.exchanges.get(source)?.type
    if (type?.name === 'topic') owner.rights?.checkTopic('read', source, routingKey)
  }

  /** Removes a binding; a missing one, or a missing end, is no error (BIND-04). */
  remove(declaration: BindingDeclaration, owner: Client): void {
    const { destinationKind, routingKey, arguments: args } = declaration
    const [sourceName, destinationName] = [cleanName(declaration.source), cleanName(declaration.destination)]
    this.#check(sourceName, declaration, destinationName, owner)
    const source = this.#home.exchanges.get(sourceName)
    const binding = source?.bindings.get(bindingIdentity(destinationKind, destinationName, routingKey, args))
    if (source === undefined || binding === undefined) return
    if (binding.destination.kind === 'queue') checkAccess(binding.destination as QueueState, owner)
    this.take(binding)
  }

  has({ source, destinationKind, destination, routingKey, arguments: args }: BindingDeclaration): boolean {
    const bindings = this.#home.exchanges.get(source)?.bindings
    return bindings?.has(bindingIdentity(destinationKind, destination, routingKey, args)) === true
  }

  /** Takes a binding out, and with the last one an exchange that is declared to go with it. */
  take(binding: Binding): void {
    const source = binding.source as ExchangeState
    const destination = binding.destination as QueueState | ExchangeState
    const identity = bindingIdentity(destination.kind, destination.name, binding.routingKey, binding.arguments)
    if (!source.bindings.delete(identity)) return
    destination.incoming.delete(binding)
    source.router.remove(binding)
    const { broker, name } = this.#home
    broker.announce('binding.deleted', () => binding.describe(name))
    // n.b. cascades: the exchange's own deletion removes the bindings that end at it (EX-14, EX-15).
    if (source.autoDelete && source.bindings.size === 0 && !source.deleted) this.#home.removeExchange(source)
  }
}
