// The scenarios by area, in the order of the rules.
import type { Scenario } from '../scenario.js'
import { ack } from './ack.js'
import { bind } from './bind.js'
import { ae, e2e } from './e2e.js'
import { ex } from './ex.js'
import { gen } from './gen.js'
import { pub } from './pub.js'
import { q, qa } from './q.js'
import { xt } from './xt.js'

export const areas: Readonly<Record<string, readonly Scenario[]>> = {
  gen,
  ex,
  xt,
  e2e,
  ae,
  q,
  qa,
  bind,
  pub,
  ack,
}
