// Evaluates Erlang on a RabbitMQ node, as `rabbitmqctl eval` does, from one process for all calls: an Erlang machine for
// each of a hundred calls takes longer than everything else together.
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

export interface Answer {
  readonly ok: boolean
  /** The value, or why there is none. */
  readonly text: string
}

// Reads an expression a line, answers with a line: ok or error, and the value.
const LOOP = `
  [Node] = init:get_plain_arguments(),
  Eval = fun(Line) ->
    {ok, Tokens, _} = erl_scan:string(Line),
    {ok, Expressions} = erl_parse:parse_exprs(Tokens),
    case rpc:call(list_to_atom(Node), erl_eval, exprs, [Expressions, []]) of
      {value, {error, R}, _} -> {error, R};
      {value, {error_string, R}, _} -> {error, R};
      {value, V, _} -> {ok, V};
      Other -> {error, Other}
    end
  end,
  Loop = fun(Again) ->
    case io:get_line([]) of
      Line when is_list(Line) ->
        {Kind, Value} = Eval(Line),
        Text = case is_binary(Value) of true -> Value; false -> io_lib:format([126, $0, $p], [Value]) end,
        io:put_chars([atom_to_list(Kind), 32, Text, 10]),
        Again(Again);
      _ -> halt()
    end
  end,
  Loop(Loop).`

export class ErlangShell {
  readonly #child: ChildProcess
  readonly #waiting: ((answer: Answer) => void)[] = []

  constructor(node: string) {
    // n.b. nodes talk only where their users share a cookie: rabbitmqctl, too, becomes the user rabbitmq.
    const name = `conformance_${process.pid}_${Math.random().toString(36).slice(2, 6)}`
    const command = `exec erl -noshell -hidden -sname ${name} -eval "$LOOP" -extra ${node}`
    const [file, words] = process.getuid?.() === 0 ? ['su', ['rabbitmq', '-s', '/bin/sh']] : ['sh', []]
    this.#child = spawn(file as string, [...(words as string[]), '-c', command], {
      env: { ...process.env, LOOP: LOOP.replaceAll('\n', ' ') },
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    createInterface({ input: this.#child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      const [kind, ...rest] = line.split(' ')
      this.#waiting.shift()?.({ ok: kind === 'ok', text: rest.join(' ') })
    })
    this.#child.on('exit', () => {
      for (const answer of this.#waiting.splice(0)) answer({ ok: false, text: 'the Erlang shell has ended' })
    })
  }

  evaluate(expression: string): Promise<Answer> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      this.#child.stdin?.write(`${expression.replaceAll('\n', ' ')}.\n`)
    })
  }

  end(): void {
    this.#child.stdin?.end()
  }
}

/** A string as an Erlang binary. */
export const binary = (text: string): string => `<<${[...Buffer.from(text)].join(',')}>>`
