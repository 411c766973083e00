// Stops docs/delivery-guarantees.md and docs/worker-threads.md from promising what no test holds any more: every title that
// they quote stands in the file that is named beside it, and every number that a claim refers to has a proof.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const text = readFileSync('docs/delivery-guarantees.md', 'utf8')
const proofs = [...text.matchAll(/^\| (.+?) \| (".+") \| \[.+?\]\((.+?)\) \|$/gm)].map(
  ([, claims = '', titles = '', file = '']) => ({
    claims: claims.split(', '),
    titles: [...titles.matchAll(/"(.+?)"/g)].map(([, title = '']) => title),
    source: readFileSync(join('docs', file), 'utf8'),
  }),
)

test('every test that proves a guarantee exists', () => {
  expect(proofs.flatMap(({ titles, source }) => titles.filter((title) => !source.includes(title)))).toEqual([])
  expect(proofs.length).toBeGreaterThan(15)
})

test('every guarantee with a number has a proof, and every proof a guarantee', () => {
  const claimed = [...text.matchAll(/\[(\d+)\]\(#proofs\)/g)].map(([, number = '']) => number)
  const proved = new Set(proofs.flatMap(({ claims }) => claims).filter((claim) => /^\d+$/.test(claim)))
  expect([...proved].sort()).toEqual([...new Set(claimed)].sort())
})

test('every guarantee of docs/worker-threads.md is held by a test that exists', () => {
  const page = readFileSync('docs/worker-threads.md', 'utf8')
  const [, table = ''] = /^## Guarantees\n[\s\S]*?\n\|---\|---\|---\|\n((?:\|.*\n)+)/m.exec(page) ?? []
  const rows = table.trimEnd().split('\n')
  const unheld = rows.filter((row) => {
    const [, title = '', file = ''] = /\| \["(.+)"\]\((.+)\) \|$/.exec(row) ?? []
    return title === '' || !readFileSync(join('docs', file), 'utf8').includes(title)
  })
  expect(unheld).toEqual([])
  expect(rows.length).toBeGreaterThan(20)
})
