// Rules that no client of AMQP can observe, and why; they are tested where they can be seen.

export const UNOBSERVABLE: Readonly<Record<string, string>> = {
  'EX-18': 'needs a restart with durable storage',
  'Q-20': 'needs a restart with durable storage',
  'BIND-11': 'needs a restart with durable storage',
  'PUB-20': 'needs a restart with durable storage',
  'TTL-12': 'needs a restart with durable storage',
}
