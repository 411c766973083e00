// The pictures of the guides are checked in, so that they are there without a build; here they are drawn anew.
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { drawDiagrams } from './diagrams.js'
import { checkedIn, drawPlots } from './plots.js'

const drawn = new Map([...(await drawDiagrams()), ...drawPlots(checkedIn())])
const pictureOf = (name: string) => readFileSync(`docs/media/${name}`, 'utf8')

test.each([...drawn])('docs/media/%s is as `npm run docs:draw` draws it', (name, svg) => {
  expect(pictureOf(name)).toBe(svg)
})

test('there are no other pictures, and each is shown by a guide', () => {
  expect(readdirSync('docs/media').sort()).toEqual([...drawn.keys()].sort())
  const guides = readdirSync('docs', { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.md'))
  const text = guides.map((path) => readFileSync(`docs/${path}`, 'utf8')).join('')
  expect([...drawn.keys()].filter((name) => !text.includes(`media/${name})`))).toEqual([])
})

test('the diagrams show where the broker routes to', async () => {
  const numbers = (svg: string) => [...svg.matchAll(/class="m(\d)" cx="(\d+)"/g)].filter(([, , x]) => Number(x) > 300)
  const topic = numbers(drawn.get('exchange-topic.svg') ?? '').map(([, number]) => Number(number))
  expect(topic).toEqual([1, 2, 1, 3, 1, 2, 3])
})

test('a plot shows the figures of the report', () => {
  const report = checkedIn()
  const bars = report.bars.map((bar) =>
    bar.id === 'P1' ? { ...bar, figures: { ...bar.figures, leveret: { ns: 1234 } } } : bar,
  )
  expect(drawPlots({ bars }).get('performance-message.svg')).toContain('>1,234 ns<')
  expect(() => drawPlots({ bars: [] })).toThrow("expected a figure 'ns' of 'leveret' in P1")
})
