// Draws the pictures of the guides anew: `npm run docs:draw`. A test compares them with those that are checked in.
import { writeFileSync } from 'node:fs'
import { drawDiagrams } from './diagrams.js'
import { checkedIn, drawPlots } from './plots.js'

for (const [name, svg] of [...(await drawDiagrams()), ...drawPlots(checkedIn())])
  writeFileSync(`docs/media/${name}`, svg)
