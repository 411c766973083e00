/** Where in the application something was done: the first line of the stack that is not leveret's. */

// The folder of this package, or of its sources.
const HOME = folderOf(new Error('here').stack)

function frames(stack: string | undefined): string[] {
  return (stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
}

function folderOf(stack: string | undefined): string {
  const place = placeOf(frames(stack)[0] ?? '')
  return /^(.*[\\/](?:dist|src))[\\/]/.exec(place)?.[1] ?? place
}

function placeOf(frame: string): string {
  return /[\s(]((?:file:\/\/|\/|[A-Za-z]:[\\/])[^()]*:\d+:\d+)\)?$/.exec(frame)?.[1] ?? ''
}

// The same as the code that runs has it: what is mapped to its sources was elsewhere.
const [HOME_AS_RUN = '\0'] = /^.*[\\/](?:dist|src)[\\/]/.exec(callSites(1)[0]?.getFileName() ?? '') ?? []
/** Sites by the place in the code that runs. n.b. a stack in words, mapped to its sources, costs as much as a hundred messages. */
const known = new Map<string, string | undefined>()

/** File, line and column, such as `/app/orders.ts:12:5`; undefined where only leveret and the platform are on the stack. */
export function siteOf(stack?: string): string | undefined {
  if (stack !== undefined) return siteIn(stack)
  const site = applicationIn(callSites(NEAR)) ?? applicationIn(callSites(DEPTH))
  if (site === undefined) return undefined
  const place = `${site.getFileName()}:${site.getLineNumber()}:${site.getColumnNumber()}`
  if (!known.has(place)) known.set(place, siteIn(stackHere()))
  return known.get(place)
}

function applicationIn(sites: readonly NodeJS.CallSite[]): NodeJS.CallSite | undefined {
  return sites.find((each) => isApplication(each.getFileName()))
}

function isApplication(file: string | null | undefined): boolean {
  return typeof file === 'string' && file !== '' && !file.startsWith('node:') && !file.startsWith(HOME_AS_RUN)
}

function siteIn(stack: string | undefined): string | undefined {
  const place = frames(stack)
    .map(placeOf)
    .find((at) => at !== '' && !at.startsWith(HOME) && !at.includes('node:'))
  return place?.replace(/^file:\/\//, '')
}

// n.b. the way from the application down to here is longer than what is kept by default.
const DEPTH = 40
/** Mostly it is no longer than this, and a long stack costs by its length. */
const NEAR = 12

function stackHere(): string | undefined {
  return withLimit(DEPTH, () => new Error('site').stack)
}

/** The stack without words. */
function callSites(depth: number): NodeJS.CallSite[] {
  const prepare = Error.prepareStackTrace
  Error.prepareStackTrace = (_error, sites) => sites
  try {
    return withLimit(depth, () => new Error('site').stack as unknown as NodeJS.CallSite[])
  } finally {
    Error.prepareStackTrace = prepare
  }
}

function withLimit<T>(depth: number, make: () => T): T {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = depth
  try {
    return make()
  } finally {
    Error.stackTraceLimit = limit
  }
}
