/** What `connect` is given: a URL or an object, and the socket's options. */
import { unescape as unescapeQuery } from 'node:querystring'
import type { Place } from './brokers.js'
import { plain } from './credentials.js'
import type * as Options from './options.js'
import type { Credentials, SocketOptions } from './types.js'

/** Where to connect to, and as whom. */
export interface Target extends Place {
  readonly virtualHost: string
  readonly credentials: Credentials
  readonly channelMax: number
  /** What the client calls the connection, if anything. */
  readonly name: string | undefined
  /** What the client says it can take. */
  readonly capabilities: Readonly<Record<string, unknown>>
}

/** What amqplib says of itself, where the application does not. */
const CAPABILITIES = { consumer_cancel_notify: true, 'connection.blocked': true }

interface Parts {
  readonly protocol: string
  readonly hostname: string | undefined
  readonly port: number | undefined
  readonly vhost: string | null | undefined
  readonly credentials: Credentials
  readonly channelMax: unknown
}

/** @throws Error for a protocol other than amqp and amqps. */
export function targetOf(url: string | Options.Connect | undefined | false, socketOptions: SocketOptions = {}): Target {
  const parts = typeof url === 'object' ? partsOfObject(url) : partsOfUrl(url || 'amqp://localhost')
  const { protocol, hostname = '', port, vhost, channelMax } = parts
  if (protocol !== 'amqp:' && protocol !== 'amqps:') {
    throw new Error(`Expected amqp: or amqps: as the protocol; got ${protocol}`)
  }
  const { capabilities, connection_name: name } = socketOptions.clientProperties ?? {}
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port || (protocol === 'amqp:' ? 5672 : 5671),
    virtualHost: vhost ? unescapeQuery(vhost) : '/',
    credentials: socketOptions.credentials ?? parts.credentials,
    name: typeof name === 'string' && name !== '' ? name : undefined,
    capabilities: Object(capabilities ?? CAPABILITIES),
    channelMax: channelMax === undefined ? 0 : Number.parseInt(String(channelMax), 10),
  }
}

function partsOfObject(url: Options.Connect): Parts {
  const { protocol = 'amqp', hostname, port, username, password, vhost, channelMax } = url
  // n.b. guest only where both are missing: as with a URL.
  const guest = username === undefined && password === undefined
  const credentials = guest ? plain('guest', 'guest') : plain(username ?? '', password ?? '')
  return { protocol: `${protocol}:`, hostname, port, vhost, credentials, channelMax }
}

function partsOfUrl(text: string): Parts {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const { username = '', password = '' } = url ?? {}
  const guest = username === '' && password === ''
  return {
    protocol: url?.protocol ?? '',
    hostname: url?.hostname,
    port: Number.parseInt(url?.port ?? '', 10) || undefined,
    vhost: url?.pathname.slice(1),
    credentials: guest ? plain('guest', 'guest') : plain(decode(username), decode(password)),
    channelMax: url?.searchParams.get('channelMax') ?? undefined,
  }
}

const decode = (text: string) => unescapeQuery(text)
