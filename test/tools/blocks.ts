// The code blocks of a page, or of the doc comments of a source file.

export interface Block {
  readonly file: string
  /** The line of the block's first line of code, counted from 1. */
  readonly line: number
  readonly language: 'ts' | 'js'
  readonly code: string
  /** Why the block is compiled but not run. */
  readonly noRun?: string
  /** Why the block is not even compiled. */
  readonly noCheck?: string
}

/** The blocks of one file, and what is wrong with its fences. Of a `.ts` file only the doc comments are read. */
export function blocksOf(file: string, text: string): { blocks: Block[]; faults: string[] } {
  const blocks: Block[] = []
  const faults: string[] = []
  const lines = file.endsWith('.ts') ? docCommentLines(text) : text.split('\n')
  for (let index = 0; index < lines.length; index++) {
    const fence = /^(\s*)(`{3,}|~{3,})\s*(\w*)\s*(.*)$/.exec(lines[index] ?? '')
    if (fence === null) {
      const example = lines[index]?.trim().startsWith('@example')
      if (example && !/^\s*(```|~~~)/.test(lines[index + 1] ?? '')) faults.push(`${file}:${index + 1} no block follows`)
      continue
    }
    const [, indent = '', marker = '', language = '', mark = ''] = fence
    const line = index + 2
    const code: string[] = []
    while (++index < lines.length && lines[index]?.trim() !== marker)
      code.push((lines[index] ?? '').slice(indent.length))
    if (index >= lines.length) faults.push(`${file}:${line - 1} the block is never closed`)
    if (/^(typescript|javascript|mts|cts|mjs|cjs|tsx|jsx)$/.test(language))
      faults.push(`${file}:${line - 1} write the fence as ts or js, so that the block is compiled and run`)
    if (language !== 'ts' && language !== 'js') continue
    const [, kind, reason] = /^no-(run|check):\s*(\S.*)$/.exec(mark) ?? []
    if (mark !== '' && reason === undefined)
      faults.push(`${file}:${line - 1} expected "no-run: reason" or "no-check: reason", got "${mark}"`)
    const why = reason === undefined ? {} : kind === 'run' ? { noRun: reason } : { noCheck: reason }
    blocks.push({ file, line, language, code: code.join('\n'), ...why })
  }
  return { blocks, faults }
}

/** The text of the doc comments, on the lines where it stands; every other line is empty. */
function docCommentLines(text: string): string[] {
  let inside = false
  return text.split('\n').map((line) => {
    if (!inside && /^\s*\/\*\*/.test(line)) {
      inside = !line.includes('*/')
      return ''
    }
    if (inside && line.includes('*/')) inside = false
    else if (inside) return line.replace(/^\s*\* ?/, '')
    return ''
  })
}
