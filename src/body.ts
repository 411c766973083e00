/**
 * Bodies. In process a body is any value, by reference; where it has to be bytes, objects travel as JSON, strings as
 * UTF-8 and `Uint8Array` as it is, told apart by the content type.
 */
import { BodyEncodingError } from './errors.js'
import { host } from './host.js'

/**
 * What the broker does with the body of a native publish: `'reference'` passes it on as it is, `'clone'` copies it by
 * structured clone, `'encoded'` turns it into bytes as a remote broker will.
 */
export type BodyMode = 'reference' | 'clone' | 'encoded'

/** The content type of a value when its publisher names none. */
export function contentTypeOf(body: unknown): string {
  if (body instanceof Uint8Array) return 'application/octet-stream'
  return typeof body === 'string' ? 'text/plain' : 'application/json'
}

function isJson(contentType: string | undefined): boolean {
  return contentType !== undefined && /^application\/(?:[\w.-]+\+)?json\b/i.test(contentType)
}

function isText(contentType: string | undefined): boolean {
  return contentType !== undefined && /^text\//i.test(contentType)
}

/**
 * The body as bytes.
 * @throws BodyEncodingError for what JSON cannot carry: functions, symbols, BigInt, circular objects, undefined.
 */
export function encodeBody(body: unknown, contentType = contentTypeOf(body)): Uint8Array {
  if (body instanceof Uint8Array) return body.slice()
  if (typeof body === 'string' && !isJson(contentType)) return new host.TextEncoder().encode(body)
  return new host.TextEncoder().encode(toJson(body))
}

function toJson(body: unknown): string {
  let json: string | undefined
  try {
    json = JSON.stringify(body)
  } catch (cause) {
    throw new BodyEncodingError(`as JSON: ${(cause as Error).message}`, cause)
  }
  if (json === undefined) throw new BodyEncodingError(`JSON has no form for a body of type ${typeof body}`)
  return json
}

/** The value of encoded bytes: JSON and text are decoded, anything else stays bytes. */
export function decodeBody(bytes: Uint8Array, contentType: string | undefined): unknown {
  const json = isJson(contentType)
  if (!json && !isText(contentType)) return bytes
  try {
    const text = new host.TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return json ? JSON.parse(text) : text
  } catch (cause) {
    throw new BodyEncodingError(`the bytes are not the ${contentType} they claim to be`, cause)
  }
}

/**
 * A copy of the body that shares nothing with it. Buffers that are to be transferred are moved into it, and detached where
 * they were.
 * @throws BodyEncodingError for what structured clone cannot carry: functions, symbols, proxies. Nothing is detached then.
 */
export function cloneBody(body: unknown, transfer: readonly ArrayBuffer[] = []): unknown {
  if ((typeof body !== 'object' || body === null) && transfer.length === 0) {
    if (typeof body === 'function' || typeof body === 'symbol') {
      throw new BodyEncodingError(`structured clone has no form for a body of type ${typeof body}`)
    }
    return body
  }
  if (host.structuredClone === undefined) throw new BodyEncodingError('this platform has no structuredClone')
  try {
    return host.structuredClone(body, { transfer })
  } catch (cause) {
    throw new BodyEncodingError(`by structured clone: ${(cause as Error).message}`, cause)
  }
}

/**
 * Size in bytes that the body has or would have on the wire, for `maxLengthBytes`.
 * @throws BodyEncodingError when the body has no such size.
 */
export function sizeOfBody(body: unknown): number {
  if (body instanceof Uint8Array) return body.byteLength
  return new host.TextEncoder().encode(typeof body === 'string' ? body : toJson(body)).byteLength
}
