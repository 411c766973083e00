// For libraries in CommonJS, whose require('amqplib') no vi.mock reaches: leveret/amqplib is in Node's cache as amqplib, in
// this file's process. docs/amqplib.md has the same as a file.
import { createRequire, Module } from 'node:module'
import * as exports from 'leveret/amqplib'

const require = createRequire(import.meta.url)
const file = require.resolve('amqplib')
require.cache[file] = Object.assign(new Module(file), { exports, loaded: true })
