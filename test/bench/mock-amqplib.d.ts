/** mock-amqplib has no types: it is used as amqplib. */
declare module 'mock-amqplib' {
  const amqplib: typeof import('amqplib')
  export default amqplib
}
