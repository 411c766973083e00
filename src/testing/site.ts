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
  return /\(?((?:file:\/\/|\/|[A-Za-z]:)[^()]*:\d+:\d+)\)?$/.exec(frame)?.[1] ?? ''
}

/** File, line and column, such as `/app/orders.ts:12:5`; undefined where only leveret and the platform are on the stack. */
export function siteOf(stack: string | undefined = stackHere()): string | undefined {
  const place = frames(stack)
    .map(placeOf)
    .find((at) => at !== '' && !at.startsWith(HOME) && !at.includes('node:'))
  return place?.replace(/^file:\/\//, '')
}

function stackHere(): string | undefined {
  const limit = Error.stackTraceLimit
  // n.b. the way from the application down to here is longer than what is kept by default.
  Error.stackTraceLimit = 40
  const { stack } = new Error('site')
  Error.stackTraceLimit = limit
  return stack
}
