/** Standard Schema: the interface that schema libraries share, and the types that follow from a schema. */
import type { SchemaIssue } from '../errors.js'
import type { Check } from '../options.js'

/** What came of a validation. */
export type SchemaResult<Output> = SchemaSuccess<Output> | SchemaFailure

/** The schema found nothing wrong. */
export interface SchemaSuccess<Output> {
  /** What it made of the value. */
  readonly value: Output
  /** Not there. */
  readonly issues?: undefined
}

/** The schema refuses the value. */
export interface SchemaFailure {
  /** What is wrong. */
  readonly issues: readonly SchemaIssue[]
}

/** What goes in and what comes out of a schema. */
export interface SchemaTypes<Input, Output> {
  /** What is published. */
  readonly input: Input
  /** What is consumed. */
  readonly output: Output
}

/** A schema of any library that implements Standard Schema 1 (https://standardschema.dev), zod, valibot and arktype among them. */
export interface StandardSchema<Input = unknown, Output = Input> {
  /** The library's part. */
  readonly '~standard': {
    /** Version of the standard. */
    readonly version: 1
    /** Name of the library. */
    readonly vendor: string
    /** Checks a value; may answer later. */
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>
    /** What goes in and what comes out; for the compiler only. */
    readonly types?: SchemaTypes<Input, Output> | undefined
  }
}

/** Type of what is published under a schema. */
export type InputOf<Schema> = Schema extends StandardSchema<infer Input, unknown> ? Input : never
/** Type of what is consumed under a schema. */
export type OutputOf<Schema> = Schema extends StandardSchema<infer _, infer Output> ? Output : never

/** Schemas by routing key, or types alone: `body<Events>()`. */
export type MessageSchemas = Readonly<Record<string, StandardSchema>> | StandardSchema<object>
/** Types of what is published, by routing key. */
export type InputsOf<Schemas> = Schemas extends StandardSchema
  ? InputOf<Schemas>
  : { [Key in keyof Schemas]: InputOf<Schemas[Key]> }
/** Types of what is consumed, by routing key. */
export type OutputsOf<Schemas> = Schemas extends StandardSchema
  ? OutputOf<Schemas>
  : { [Key in keyof Schemas]: OutputOf<Schemas[Key]> }

/** @internal What `body<T>()` answers. */
export const TYPES_ONLY: StandardSchema = Object.freeze({
  '~standard': Object.freeze({ version: 1, vendor: 'leveret', validate: (value: unknown) => ({ value }) }),
})

/**
 * A type in the place of a schema: the compiler knows it, and nothing is checked at run time.
 *
 * @example
 * ```ts
 * import { Broker, body } from 'leveret'
 *
 * const bus = new Broker().virtualHost('/')
 * const jobs = await bus.declareQueue('jobs', { body: body<{ id: number }>() })
 * await jobs.send({ id: 1 })
 * ```
 */
export function body<Body>(): StandardSchema<Body> {
  return TYPES_ONLY as StandardSchema<Body>
}

/** Checks an option that takes a schema. */
export const schema: Check = (value) => {
  const fits = (typeof value === 'object' && value !== null) || typeof value === 'function'
  const validate = fits ? (value as Partial<StandardSchema>)['~standard']?.validate : undefined
  return typeof validate === 'function' ? undefined : 'a Standard Schema, such as one of zod, valibot or arktype'
}

/** Checks an option that takes schemas by routing key. */
export const schemas: Check = (value) => {
  if (value === TYPES_ONLY) return undefined
  if (Object.prototype.toString.call(value) !== '[object Object]' || schema(value) === undefined)
    return 'an object of a schema per routing key'
  const wrong = Object.entries(value as object).find(([, each]) => schema(each) !== undefined)
  return wrong === undefined ? undefined : `an object of schemas, which '${wrong[0]}' is not`
}
