/**
 * The delayed-message exchange: it keeps a message with the header `x-delay` for so many milliseconds, and routes it
 * then as an exchange of the type that its argument `x-delayed-type` names (XT-31 to XT-34).
 */
import {
  type BindingVerdict,
  type ExchangeType,
  Message,
  PreconditionFailedError,
  type RoutedBinding,
  type Router,
  type RouterContext,
  type RouteSink,
} from '../internal.js'

const NAME = 'x-delayed-message'

/** The longest delay, in ms, as in the plug-in; what asks for more is not delayed. */
const MAX_DELAY = 2 ** 32 - 1

/** The delay that a message asks for, in ms; undefined when it is to be routed at once. */
function delayOf({ properties: { headers } }: Message): number | undefined {
  const value = headers?.['x-delay']
  const isNumber = typeof value === 'number' || typeof value === 'bigint'
  if (!isNumber && !(typeof value === 'string' && /^[+-]?\d+$/.test(value))) return undefined
  const delay = Math.trunc(Number(value))
  return delay > 0 && delay <= MAX_DELAY ? delay : undefined
}

/** The message as it goes on: what has been delayed says so, and is not delayed again (XT-33). */
function releasedOf(message: Message, delay: number): Message {
  const { exchange, routingKey, body, properties } = message
  const headers = { ...properties.headers, 'x-delay': -delay }
  const released = new Message(exchange, routingKey, body, { ...properties, headers })
  released.rare = message.rare
  return released
}

class DelayedMessageRouter implements Router {
  readonly #router: Router
  readonly #context: RouterContext
  /** There if the router behind has it: else that is asked to route. */
  readonly explain?: (binding: RoutedBinding, routingKey: string, message: Message) => BindingVerdict
  readonly near?: NonNullable<Router['near']>

  constructor(router: Router, context: RouterContext) {
    this.#router = router
    this.#context = context
    if (router.explain !== undefined) this.explain = router.explain.bind(router)
    if (router.near !== undefined) this.near = router.near.bind(router)
  }

  add(binding: RoutedBinding): void {
    this.#router.add(binding)
  }

  remove(binding: RoutedBinding): void {
    this.#router.remove(binding)
  }

  route(routingKey: string, message: Message, sink: RouteSink): void {
    const delay = this.#context.tentative ? undefined : delayOf(message)
    if (delay === undefined) this.#router.route(routingKey, message, sink)
    else this.#context.hold(releasedOf(message, delay), delay)
  }

  holds(message: Message): number | undefined {
    return delayOf(message)
  }
}

/**
 * The type `x-delayed-message`. The argument `x-delayed-type` is the type that it routes as. A message's header `x-delay`
 * is its delay in milliseconds, 1 to 4294967295; it arrives with the number negated.
 *
 * @example
 * ```ts
 * import { Broker } from 'leveret'
 * import { delayedMessage } from 'leveret/exchange-types'
 *
 * const bus = new Broker({ exchangeTypes: [delayedMessage] }).virtualHost('/')
 * const later = await bus.declareExchange('later', 'x-delayed-message', { arguments: { 'x-delayed-type': 'topic' } })
 * const mails = await bus.declareQueue('mails', { bindings: [later.key('mail.#')] })
 * mails.createConsumer().run(({ body, headers }) => console.log(body, headers['x-delay'])) // hello -20
 * await later.send('mail.welcome', 'hello', { headers: { 'x-delay': 20 } })
 * ```
 */
export const delayedMessage: ExchangeType = {
  name: NAME,
  validateArguments({ 'x-delayed-type': type }) {
    if (type === NAME) {
      throw new PreconditionFailedError(`Invalid argument, '${NAME}' can't be used for 'x-delayed-type'`)
    }
    if (typeof type !== 'string') {
      throw new PreconditionFailedError("Invalid argument, 'x-delayed-type' must be an existing exchange type")
    }
  },
  resolve(args, typeOf) {
    const type = typeOf(String(args['x-delayed-type']))
    type.validateArguments?.(args)
    const behind = type.resolve?.(args, typeOf) ?? type
    return {
      name: NAME,
      keyless: behind.keyless === true,
      validateBinding: (routingKey, bindingArgs) => behind.validateBinding?.(routingKey, bindingArgs),
      createRouter: (given, context) => new DelayedMessageRouter(behind.createRouter(given, context), context),
    }
  },
  // n.b. never called by a broker: what `resolve` answers makes the routers.
  createRouter() {
    throw new PreconditionFailedError(`an exchange of type '${NAME}' is made by 'resolve'`)
  },
}
