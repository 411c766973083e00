// The few shapes that our pictures are made of, so that all of them look alike: readable in light and in dark, on paper
// of their own, with a title and a description for those who do not see them.

const STYLE = `svg{--paper:#fff;--ink:#1f2328;--dim:#59636e;--line:#818b98;--grid:#d8dee4;--a:#0a5fc2;--b:#b04a00;--c:#1a7f37;--exchange:#e1effe;--queue:#fdf1d6;--own:#0a5fc2;--other:#a7b0ba}
@media(prefers-color-scheme:dark){svg{--paper:#1c2128;--ink:#e6edf3;--dim:#a3adb8;--line:#8b949e;--grid:#373e47;--a:#79b8ff;--b:#ffa657;--c:#7ee787;--exchange:#1c3454;--queue:#3d3218;--own:#539bf5;--other:#626c77}}
text{font:15px system-ui,sans-serif;fill:var(--ink)}.key{font:14px ui-monospace,monospace}.dim{font-size:13px;fill:var(--dim)}.name{font-weight:600}.mid{text-anchor:middle}
.paper{fill:var(--paper)}.box{stroke:var(--line);fill:none}.exchange{fill:var(--exchange)}.queue{fill:var(--queue)}.way{stroke:var(--line);fill:none;stroke-width:1.5}.dashed{stroke-dasharray:5 4}
.dot text{font-size:13px;font-weight:700;fill:var(--paper);text-anchor:middle}.m1{fill:var(--a)}.m2{fill:var(--b)}.m3{fill:var(--c)}.grid{stroke:var(--grid)}.own{fill:var(--own)}.other{fill:var(--other)}`

export const WIDTH = 440

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

/** A whole picture. */
export function picture(title: string, description: string, height: number, shapes: readonly string[]): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title description">
<title id="title">${escaped(title)}</title>
<desc id="description">${escaped(description)}</desc>
<style>${STYLE}</style>
<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="var(--line)"/></marker></defs>
<rect class="paper" width="${WIDTH}" height="${height}" rx="8"/>
${shapes.join('\n')}
</svg>
`
}

export function text(x: number, y: number, words: string, style = ''): string {
  return `<text x="${x}" y="${y}"${style === '' ? '' : ` class="${style}"`}>${escaped(words)}</text>`
}

export function box(x: number, y: number, width: number, height: number, style: string, round = 4): string {
  return `<rect class="box ${style}" x="${x}" y="${y}" width="${width}" height="${height}" rx="${round}"/>`
}

/** A way along the points; with a tip at its end. */
export function way(points: readonly (readonly [number, number])[], style = ''): string {
  return `<path class="way${style === '' ? '' : ` ${style}`}" marker-end="url(#tip)" d="M${points.map((point) => point.join(' ')).join('L')}"/>`
}

/** A way that leads nowhere. */
export function line(from: readonly [number, number], to: readonly [number, number], style = ''): string {
  return `<path class="way${style === '' ? '' : ` ${style}`}" d="M${from.join(' ')}L${to.join(' ')}"/>`
}

/** A message: its number in its colour. */
export function dot(x: number, y: number, number: number): string {
  return `<g class="dot"><circle class="m${number}" cx="${x}" cy="${y}" r="9"/>${text(x, y + 4.5, String(number))}</g>`
}
