// The scenarios by area, in the order of the rules.
import type { Scenario } from '../scenario.js'
import { ack } from './ack.js'
import { bind } from './bind.js'
import { alm, ch, lim, timeout, vh } from './ch.js'
import { cnf } from './cnf.js'
import { ccn, con } from './con.js'
import { dlx } from './dlx.js'
import { drt } from './drt.js'
import { ae, e2e } from './e2e.js'
import { ex } from './ex.js'
import { found } from './found.js'
import { gen } from './gen.js'
import { len } from './len.js'
import { plugins, trc } from './plugins.js'
import { pol } from './pol.js'
import { get, ord, pri } from './pri.js'
import { pub } from './pub.js'
import { q, qa } from './q.js'
import { qos } from './qos.js'
import { qq } from './qq.js'
import { ttl } from './ttl.js'
import { tx } from './tx.js'
import { usr } from './usr.js'
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
  ttl,
  len,
  pri,
  get,
  con,
  qos,
  ack,
  ord,
  dlx,
  cnf,
  tx,
  drt,
  ccn,
  ch,
  lim,
  vh,
  usr,
  pol,
  qq,
  plugins,
  trc,
  timeout,
  alm,
  found,
}
