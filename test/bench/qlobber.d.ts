/** What the benches use of qlobber, which has no types. */
declare module 'qlobber' {
  export class Qlobber {
    add(pattern: string, value: number): this
    match(topic: string): number[]
  }
}
