/** Ways of a client to say who it is. */

/** How a client says who it is: see `credentials`. */
export interface Credentials {
  readonly mechanism: string
  response(): Buffer
  readonly username?: string
  readonly password?: string
}

/** Credentials with a name and a password. */
export interface PasswordCredentials {
  mechanism: string
  response(): Buffer
  username: string
  password: string
}

/** User and password. */
export const plain = (username: string, password: string): PasswordCredentials => ({
  mechanism: 'PLAIN',
  response: () => Buffer.from(['', username, password].join('\0')),
  username,
  password,
})

/** User and password as an AMQP table. */
export const amqplain = (username: string, password: string): PasswordCredentials => ({
  mechanism: 'AMQPLAIN',
  response: () => Buffer.concat([entry('LOGIN', username), entry('PASSWORD', password)]),
  username,
  password,
})

/** Whoever the certificate names; brokers refuse it here as RabbitMQ does where no plug-in is enabled. */
export const external = (): { mechanism: string; response(): Buffer } => ({
  mechanism: 'EXTERNAL',
  response: () => Buffer.alloc(0),
})

function entry(name: string, value: string): Buffer {
  const [key, text] = [Buffer.from(name), Buffer.from(value)]
  const length = Buffer.alloc(4)
  length.writeUInt32BE(text.length)
  return Buffer.concat([Buffer.of(key.length), key, Buffer.from('S'), length, text])
}

/** User and password; what a client made by itself has them in its response only. */
export function loginOf({ mechanism, username, password, response }: Credentials): [user: string, password: string] {
  if (username !== undefined && password !== undefined) return [username, password]
  const [, user = '', secret = ''] = mechanism === 'PLAIN' ? response().toString().split('\0') : []
  return [user, secret]
}
