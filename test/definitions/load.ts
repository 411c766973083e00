// The exports that are checked in: written by hand in the shape of the two versions, with what is odd about them.
import { readFileSync } from 'node:fs'
import type { Definitions } from 'leveret/definitions'

/** Anew each time, as JSON.parse makes it. */
export function load(name: 'rabbitmq-3.10' | 'rabbitmq-4'): Definitions {
  return JSON.parse(readFileSync(`test/definitions/${name}.json`, 'utf8'))
}
