/** Regular expressions of policies and permissions: searched for anywhere in a name, as Erlang's `re:run` does. */
import { InvalidOptionError } from '../errors.js'

/**
 * Compiles a pattern.
 * @throws InvalidOptionError with `what` in front of the reason.
 */
export function patternOf(what: string, pattern: string): RegExp {
  // n.b. the one inline flag that is written in practice; JavaScript has it outside of the expression only.
  const [flags, source] = pattern.startsWith('(?i)') ? ['i', pattern.slice(4)] : ['', pattern]
  try {
    return new RegExp(source, flags)
  } catch (error) {
    const { message } = error as Error
    throw new InvalidOptionError(`${what} should be regular expression but is invalid: ${message}`)
  }
}
