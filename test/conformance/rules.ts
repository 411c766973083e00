// The rules that the suite is about, by area: how many there are, and which of them are not [core]. [ext] rules of these
// areas are proved where a client can see them; [net] ones are about a socket.

interface Area {
  readonly count: number
  readonly ext?: readonly number[]
  readonly net?: readonly number[]
}

export const AREAS: Readonly<Record<string, Area>> = {
  GEN: { count: 14 },
  EX: { count: 21, ext: [21] },
  XT: { count: 34, ext: [10, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34] },
  E2E: { count: 7 },
  AE: { count: 7 },
  Q: { count: 30, ext: [3, 21, 30] },
  QA: { count: 19, ext: [2, 3, 13, 14, 15, 16, 17, 18, 19] },
  BIND: { count: 13 },
  PUB: { count: 25 },
  TTL: { count: 18, ext: [17, 18] },
  LEN: { count: 16, ext: [15, 16] },
  PRI: { count: 6, ext: [6] },
  GET: { count: 6, ext: [6] },
  CON: { count: 24, ext: [19, 21, 22] },
  QOS: { count: 16, ext: [14, 15, 16] },
  ACK: { count: 17 },
  ORD: { count: 7 },
  DLX: { count: 24, ext: [21] },
  CNF: { count: 15, net: [15] },
  TX: { count: 14, net: [13] },
  DRT: { count: 8 },
  CCN: { count: 6, ext: [6] },
  CH: { count: 27, ext: [24], net: [5, 8, 9, 11, 12, 13, 14, 16, 17, 18, 19, 20, 25] },
  LIM: { count: 7, ext: [7], net: [1, 3, 4, 5] },
  VH: { count: 8, ext: [5, 8] },
  USR: { count: 13, ext: [10, 11, 12] },
  POL: { count: 15, ext: [15] },
  TRC: { count: 5, ext: [1, 2, 3, 4, 5] },
  QQ: { count: 11, ext: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11] },
  ALM: { count: 5, ext: [1, 3, 4], net: [5] },
}

export type RuleKind = 'core' | 'ext' | 'net'

/** Every rule of these areas in order, with its kind. */
export function allRules(): Map<string, RuleKind> {
  const rules = new Map<string, RuleKind>()
  for (const [area, { count, ext, net }] of Object.entries(AREAS))
    for (let n = 1; n <= count; n++)
      rules.set(`${area}-${String(n).padStart(2, '0')}`, ext?.includes(n) ? 'ext' : net?.includes(n) ? 'net' : 'core')
  return rules
}
