// The site as people see it: `npm run docs:look` takes pictures of the pages that are named (or of some of every kind), at
// the width of a phone and of a desk, in light and in dark, and names what a person would have to find: what is wider than
// its page, pictures that did not load, links that lead nowhere.
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { Chromium, findChromium, type Page } from '../runtimes/chromium.js'

const SITE = resolve('site')
const FOLDER = 'node_modules/.cache/leveret/look'
const PAGES = ['index', 'documents/Choosing_an_exchange', 'documents/Performance', 'classes/index.Queue']
/** n.b. a picture of a very long page would be none that one can look at. */
const HEIGHT = 'Math.min(4000, document.documentElement.scrollHeight)'
const VIEWS = [
  { view: 'phone', width: 390, height: 844, scheme: 'light' },
  { view: 'phone', width: 390, height: 844, scheme: 'dark' },
  { view: 'desk', width: 1280, height: 900, scheme: 'light' },
  { view: 'desk', width: 1280, height: 900, scheme: 'dark' },
]

const urlOf = (page: string) => pathToFileURL(join(SITE, page)).href

async function show(page: Page, path: string, { width, height, scheme }: (typeof VIEWS)[number]): Promise<void> {
  await page.call('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] })
  await page.call('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: width < 600 })
  await page.goTo(urlOf(path))
  // n.b. the theme hides the page until its script has run: a hidden page is never too wide.
  await page.evaluate(`new Promise((resolve) => {
    const look = () => (document.body.style.display === 'none' ? setTimeout(look, 5) : resolve(true))
    look()
  })`)
}

/** What is wrong with the page that is shown. */
async function faultsOf(page: Page): Promise<string[]> {
  const found = (await page.evaluate(`((page) => ({
    wide: [...document.querySelectorAll('.col-content *')]
      .filter((part) => part.getBoundingClientRect().right > page + 1 && !part.closest('pre *, table *, .tsd-signature *'))
      .slice(0, 3)
      .map((part) => part.outerHTML.slice(0, 80)),
    pictures: [...document.images].filter((image) => image.naturalWidth === 0).map(({ src }) => src),
    links: [...document.querySelectorAll('a[href]')].map(({ href }) => href).filter((href) => href.startsWith('file:')),
  }))(document.documentElement.clientWidth)`)) as { wide: string[]; pictures: string[]; links: string[] }
  const lost = found.links.filter((href) => !existsSync(fileURLToPath(href.replace(/[?#].*$/, ''))))
  return [
    ...found.wide.map((part) => `wider than the page: ${part}`),
    ...found.pictures.map((source) => `no picture: ${source}`),
    ...new Set(lost.map((href) => `leads nowhere: ${href}`)),
  ]
}

async function main(): Promise<void> {
  const path = findChromium()
  if (path === undefined) throw new Error('expected Chromium (Debian: apt-get install chromium, or CHROMIUM=path)')
  mkdirSync(FOLDER, { recursive: true })
  const browser = new Chromium(path)
  let faults = 0
  const tell = (where: string, found: readonly string[]) => {
    faults += found.length
    for (const fault of found) console.log(`${where}: ${fault}`)
  }
  try {
    const page = await browser.open('about:blank')
    const named = process.argv.slice(2)
    for (const name of named.length > 0 ? named : PAGES) {
      for (const view of VIEWS) {
        await show(page, `${name}.html`, view)
        const clip = { x: 0, y: 0, width: view.width, height: await page.evaluate(HEIGHT), scale: 1 }
        const { data } = await page.call('Page.captureScreenshot', { captureBeyondViewport: true, clip })
        const file = join(FOLDER, `${name.replace(/.*\//, '')}-${view.view}-${view.scheme}.png`)
        writeFileSync(file, Buffer.from(data as string, 'base64'))
        console.log(file)
      }
    }
    const all = readdirSync(SITE, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.html'))
    for (const view of VIEWS.filter(({ scheme }) => scheme === 'light')) {
      for (const file of all) {
        await show(page, file, view)
        tell(`${file}, ${view.view}`, await faultsOf(page))
      }
    }
    console.log(`${all.length} pages looked at, ${faults} faults`)
    if (faults > 0) process.exitCode = 1
  } finally {
    await browser.close()
  }
}

await main()
