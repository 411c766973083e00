// An application that knows nothing of leveret, for the tests that put it in amqplib's place.
import amqp, { connect } from 'amqplib'
import callbacks from 'amqplib/callback_api'

export async function roundTrip(text: string): Promise<string> {
  const connection = await connect('amqp://localhost')
  const channel = await connection.createConfirmChannel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  const answered = new Promise<string>((resolve) => {
    void channel.consume(queue, (message) => message && resolve(message.content.toString()), { noAck: true })
  })
  channel.sendToQueue(queue, Buffer.from(text))
  await channel.waitForConfirms()
  const answer = await answered
  await connection.close()
  return answer
}

export const sameModule = amqp.connect === connect

export function connectWithCallback(done: (version: string) => void): void {
  callbacks.connect('amqp://localhost', (_, connection) => {
    done(connection.connection.serverProperties.version)
    connection.close()
  })
}
