// Whether a RabbitMQ answers on this machine.
import { connect } from 'node:net'

export function answers(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(5672, '127.0.0.1')
    socket.on('error', () => resolve(false))
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })
}
