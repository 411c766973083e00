/**
 * What the compiler knows of routing: which routing keys of an exchange a binding key matches, and so which bodies can
 * come by it. The rules are those of the topic exchange (XT-04 to XT-06), word by word.
 *
 * A placeholder in a routing key, such as `${string}` in `order.${string}.eu`, stands for one or more words when it is a
 * word by itself, and for a part of one word else. In a binding key the first kind may be anything, wildcards too.
 */

/** The words of a key; the empty key has none. */
type Words<Key extends string> = Key extends '' ? [] : Split<Key>
type Split<Key extends string> = Key extends `${infer First}.${infer Rest}` ? [First, ...Split<Rest>] : [Key]

/** True when the words of a pattern match the words of a key. */
type Matches<Pattern extends string[], Key extends string[]> = Pattern extends [
  infer Word extends string,
  ...infer Others extends string[],
]
  ? '#' extends Word
    ? MatchesMany<Pattern, Others, Key>
    : Key extends [infer First extends string, ...infer Rest extends string[]]
      ? Word extends '*' | First
        ? string extends First
          ? Matches<Others, Rest> extends true
            ? true
            : Matches<Others, Key>
          : Matches<Others, Rest>
        : First extends Word
          ? Matches<Others, Rest>
          : false
      : false
  : Key extends []
    ? true
    : false

/** The same for a pattern that begins with `#`: it stands for nothing, or for the first word and maybe more. */
type MatchesMany<Pattern extends string[], Others extends string[], Key extends string[]> = Others extends []
  ? true
  : Matches<Others, Key> extends true
    ? true
    : Key extends [string, ...infer Rest extends string[]]
      ? Matches<Pattern, Rest>
      : false

/** True for what has placeholders, and for nothing at all. */
type Open<Word extends string> = Record<never, 1> extends Record<Word, 1> ? true : false

/**
 * A template literal that fits every literal key that the pattern matches, and few others: the compiler compares the two in
 * one step where `Matches` takes dozens, and most patterns match few of the keys.
 */
// n.b. never two placeholders side by side: the compiler lets the first of them have one character at least.
type Outline<Pattern extends string[], Before extends string = ''> = Pattern extends [
  infer Word extends string,
  ...infer Others extends string[],
]
  ? Open<Exclude<Word, '*' | '#'>> extends true
    ? Outline<Others, string>
    : `${Before}${Word}${Outline<Others, '.'>}`
  : string extends Before
    ? string
    : ''

/** The keys with placeholders, of which an outline says nothing. */
type Templates<Key> = Key extends string ? (Open<Key> extends true ? Key : never) : never

type TopicKeys<Key, Pattern extends string[]> = Key extends string
  ? Matches<Pattern, Words<Key>> extends true
    ? Key
    : never
  : never

/**
 * The routing keys among `Key` that a binding key matches on an exchange of a type; all of them where the compiler cannot
 * tell: routing keys or a pattern that are just strings, other types of exchange.
 */
export type MatchingKeys<Key, Pattern extends string, Type extends string> = string extends Key | Pattern | Type
  ? Key
  : Type extends 'topic'
    ? Pattern extends string
      ? TopicKeys<Extract<Key, Outline<Words<Pattern>>> | Templates<Key>, Words<Pattern>>
      : never
    : Type extends 'direct'
      ? Pattern extends Key
        ? Pattern
        : Extract<Key, Pattern>
      : Key

/** The binding key, where a routing key matches it, else what is wrong with it. */
export type CheckedPattern<Key, Pattern extends string, Type extends string> = Pattern extends string
  ? [MatchingKeys<Key, Pattern, Type>] extends [never]
    ? `no routing key of this exchange matches '${Pattern}'`
    : Pattern
  : never
