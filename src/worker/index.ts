/** leveret/worker: one broker, many threads, the same handles. */
export { type ConnectOptions, connect, loopback } from './connect.js'
export type { PortLike } from './endpoint.js'
export { consumeInWorkers, Workers, type WorkersCloseOptions, type WorkersEvents, type WorkOptions } from './pool.js'
export { Served, type ServeOptions, serve } from './serve.js'
export { work } from './thread.js'
export type { Codec } from './values.js'
