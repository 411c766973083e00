// An application as it is written for RabbitMQ: amqplib of its own, and a library from npm that has amqplib, too.
const amqplib = require('amqplib')
const callbackApi = require('amqplib/callback_api')
const { connect } = require('amqp-connection-manager')

// n.b. nobody listens there: what is not replaced fails.
const URL = 'amqp://localhost:1'

exports.send = async (text) => {
  const connection = await amqplib.connect(URL)
  const channel = await connection.createConfirmChannel()
  await channel.assertQueue('orders')
  channel.sendToQueue('orders', Buffer.from(text))
  await channel.waitForConfirms()
  await connection.close()
}

exports.receive = async () => {
  const connection = connect(URL)
  const channel = connection.createChannel({ setup: (raw) => raw.assertQueue('orders') })
  await channel.waitForConnect()
  const message = await channel.get('orders', { noAck: true })
  await connection.close()
  return message ? message.content.toString() : undefined
}

exports.count = () =>
  new Promise((resolve, reject) => {
    callbackApi.connect(URL, (failed, connection) => {
      if (failed) return reject(failed)
      connection.createChannel((error, channel) => {
        if (error) return reject(error)
        channel.checkQueue('orders', (_, { messageCount }) => connection.close(() => resolve(messageCount)))
      })
    })
  })
