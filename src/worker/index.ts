/** leveret/worker: one broker, many threads, the same handles. */
export { type ConnectOptions, connect, loopback } from './connect.js'
export type { PortLike } from './endpoint.js'
export { Served, type ServeOptions, serve } from './serve.js'
export type { Codec } from './values.js'
