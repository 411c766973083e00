// The types of leveret/amqplib are amqplib's, in both directions: what is written with the one compiles with the other.
import type * as amqplib from 'amqplib'
import type * as callbacks from 'amqplib/callback_api'
import type * as ours from 'leveret/amqplib'
import type * as ourCallbacks from 'leveret/amqplib/callback_api'
import { expectTypeOf, test } from 'vitest'

/** Compiles when each is assignable to the other. */
function same<A, B>(_there: (a: A) => B, _back: (b: B) => A): void {}

test('the modules stand in for one another', async () => {
  const a: typeof import('amqplib') = await import('leveret/amqplib')
  const b: typeof import('amqplib/callback_api') = await import('leveret/amqplib/callback_api')
  expectTypeOf(a.connect).toBeFunction()
  expectTypeOf(b.connect).toBeFunction()
})

test('each class and model of the promise API is assignable both ways', () => {
  same<amqplib.Channel, ours.Channel>(
    (a) => a,
    (b) => b,
  )
  same<amqplib.ConfirmChannel, ours.ConfirmChannel>(
    (a) => a,
    (b) => b,
  )
  same<amqplib.ChannelModel, ours.ChannelModel>(
    (a) => a,
    (b) => b,
  )
  same<amqplib.RecoveringChannelModel, ours.RecoveringChannelModel>(
    (a) => a,
    (b) => b,
  )
  same<amqplib.IllegalOperationError, ours.IllegalOperationError>(
    (a) => a,
    (b) => b,
  )
  same<amqplib.RecoveryOptions, ours.RecoveryOptions>(
    (a) => a,
    (b) => b,
  )
  same<typeof amqplib.IllegalOperationError, typeof ours.IllegalOperationError>(
    (a) => a,
    (b) => b,
  )
  same<typeof amqplib.credentials, typeof ours.credentials>(
    (a) => a,
    (b) => b,
  )
  same<typeof amqplib.connect, typeof ours.connect>(
    (a) => a,
    (b) => b,
  )
})

test('messages, options and replies are assignable both ways', () => {
  same<amqplib.ConsumeMessage, ours.ConsumeMessage>(
    (a) => a,
    (b) => b,
  )
  same<amqplib.GetMessage, ours.GetMessage>(
    (a) => a,
    (b) => b,
  )
  same<amqplib.Options.Publish, ours.Options.Publish>(
    (a) => a,
    (b) => b,
  )
  same<amqplib.Options.AssertQueue, ours.Options.AssertQueue>(
    (a) => a,
    (b) => b,
  )
  same<amqplib.Options.Connect, ours.Options.Connect>(
    (a) => a,
    (b) => b,
  )
  same<amqplib.SocketOptions, ours.SocketOptions>(
    (a) => a,
    (b) => b,
  )
  same<amqplib.Replies.AssertQueue, ours.Replies.AssertQueue>(
    (a) => a,
    (b) => b,
  )
  same<amqplib.MessagePropertyHeaders, ours.MessagePropertyHeaders>(
    (a) => a,
    (b) => b,
  )
})

test('each class and model of the callback API is assignable both ways', () => {
  same<callbacks.Connection, ourCallbacks.Connection>(
    (a) => a,
    (b) => b,
  )
  same<callbacks.Channel, ourCallbacks.Channel>(
    (a) => a,
    (b) => b,
  )
  same<callbacks.ConfirmChannel, ourCallbacks.ConfirmChannel>(
    (a) => a,
    (b) => b,
  )
  same<callbacks.RecoveringConnection, ourCallbacks.RecoveringConnection>(
    (a) => a,
    (b) => b,
  )
  same<typeof callbacks.connect, typeof ourCallbacks.connect>(
    (a) => a,
    (b) => b,
  )
})
