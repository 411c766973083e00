import type { Arguments } from '../../../src/arguments.js'
import { NO_CONTEXT } from '../../../src/broker/exchange-context.js'
import type { ExchangeType, RoutedBinding, Router } from '../../../src/exchange-types/exchange-type.js'
import { Message, NO_PROPERTIES } from '../../../src/message.js'

/** A binding to a queue; each call makes a binding and a destination of its own. */
export function binding(name: string, routingKey = '', args: Arguments = {}): RoutedBinding {
  return { destination: { kind: 'queue', name }, routingKey, arguments: args }
}

/** A router with these bindings. */
export function routerOf(type: ExchangeType, bindings: Iterable<RoutedBinding>): Router {
  const router = type.createRouter({}, NO_CONTEXT)
  for (const each of bindings) router.add(each)
  return router
}

/** The names that a message reaches, sorted; one name for each time it was added to the sink. */
export function allRouted(router: Router, routingKey: string, headers?: Arguments): string[] {
  const names: string[] = []
  const properties = headers === undefined ? NO_PROPERTIES : { headers }
  router.route(routingKey, new Message('x', routingKey, 'body', properties), {
    add: (destination) => names.push(destination.name),
  })
  return names.sort()
}

/** The names that a message reaches, sorted, each once. */
export function routed(router: Router, routingKey: string, headers?: Arguments): string[] {
  return [...new Set(allRouted(router, routingKey, headers))]
}
