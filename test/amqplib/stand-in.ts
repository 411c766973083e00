// For libraries in CommonJS, whose require('amqplib') no vi.mock reaches: what Node has loaded as amqplib becomes
// leveret/amqplib, in this file's process. docs/amqplib.md has the same as a file of four lines.
import { createRequire } from 'node:module'
import * as standIn from 'leveret/amqplib'

const require = createRequire(import.meta.url)
require('amqplib')
const loaded = require.cache[require.resolve('amqplib')]
if (loaded !== undefined) loaded.exports = standIn
