// What the pages themselves do not tell typedoc: their title is their first heading, and the groups and the order of the
// site's navigation are here, so that the pages stay plain Markdown.

/** The guides by group, in the order in which one reads them. A page that is not here comes last among the concepts. */
const GROUPS = {
  Start: ['choosing-an-exchange', 'patterns', 'coming-from', 'amqplib', 'testing', 'performance'],
  Concepts: [
    'broker-and-virtual-hosts',
    'exchanges-and-bindings',
    'typed-routing',
    'queues',
    'publishing',
    'consuming',
    'batches',
    'streams',
    'request-reply',
    'worker-threads',
    'topology',
    'schemas',
  ],
  Reliability: [
    'delivery-guarantees',
    'retries-and-dead-letters',
    'replaying-dead-letters',
    'limits-and-backpressure',
    'errors',
  ],
  Operation: ['explain', 'observability', 'time-and-timers', 'scheduling-and-process-life'],
  Background: ['rabbitmq-differences', 'architecture'],
}

const ORDER = Object.values(GROUPS).flat()

/** @param {import('typedoc').Application} app */
export function load(app) {
  const places = new Map()
  const place = (reflection) => places.get(reflection) ?? ORDER.length
  app.converter.on('createDocument', (_context, page) => {
    const file = page.name
    const group = Object.keys(GROUPS).find((name) => GROUPS[name].includes(file)) ?? 'Concepts'
    Object.assign(page.frontmatter, { group })
    if (ORDER.includes(file)) places.set(page, ORDER.indexOf(file))
    page.name = /^# (.+)$/m.exec(page.content.map(({ text }) => text).join(''))?.[1] ?? file
  })
  app.converter.on('resolveBegin', ({ project }) => {
    for (const pages of [project.documents, project.childrenIncludingDocuments])
      pages?.sort((a, b) => (a.isDocument() && b.isDocument() ? place(a) - place(b) : 0))
  })
}
