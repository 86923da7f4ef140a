// Attacks a real `bespoke serve` over loopback, and fails where a bound does not hold: memory, /livez, a plain query.
//
//     node tests/attacks/attacks.mjs                          # all, some two minutes
//     node tests/attacks/attacks.mjs A2 A3                    # some
//     node tests/attacks/attacks.mjs A3 --form WebSocket      # those whose name has this in it
//     node tests/attacks/attacks.mjs --livez-ms 500           # on a machine that is busy with something else
//
// `BESPOKE` names another binary than target/release/bespoke. Each form has a process of its own. Status 1: a bound did
// not hold; 2: nothing could be run.

import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { gql } from './client.mjs'
import { FORMS } from './forms.mjs'
import { files } from './project.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    form: { type: 'string', default: '' },
    'livez-ms': { type: 'string', default: '100' },
    'memory-mb': { type: 'string', default: '300' },
  },
})
const LIVEZ = Number(values['livez-ms'])
const MEMORY = Number(values['memory-mb'])
const BINARY = process.env.BESPOKE ?? 'target/release/bespoke'
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const message = (worker) => new Promise((resolve) => worker.once('message', resolve))

/// Starts the process; gives it with its addresses.
function serve(folder) {
  const child = spawn(BINARY, ['serve', '--project', folder, '--client', 'web', '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] })
  return new Promise((resolve, reject) => {
    let text = ''
    child.stdout.on('data', (piece) => {
      // Its log goes there too; only the beginning says where it listens.
      if (text.length < 10_000) text += piece
      const url = /listens at (http:\S+?\/graphql)/.exec(text)?.[1]
      if (!url || !text.includes('\n')) return
      const admin = /health and metrics at (http:[^\s,]+?)\/?[\s,]/.exec(text)?.[1]
      resolve({ child, url, livez: `${admin ?? url.replace('/graphql', '')}/livez` })
    })
    child.on('exit', (status) => reject(new Error(`bespoke ended with status ${status}\n${text}`)))
  })
}

/// Resident memory of a process, in MB: now, and its peak.
function memory(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const of = (name) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)[1]) / 1024
  return { now: of('VmRSS'), peak: of('VmHWM') }
}

/// Runs one form against a process of its own. Gives what did not hold.
async function attack(name, form, folder) {
  const { child, url, livez } = await serve(folder)
  const probe = new Worker(new URL('probe.mjs', import.meta.url), { workerData: livez })
  try {
    const ask = () => gql(url, '{ user(id: "plain") { id name } }')
    for (let at = 0; at < 20; at++) await ask()
    await wait(300)
    const rest = memory(child.pid).now
    probe.postMessage('begin')
    await message(probe)
    const began = performance.now()
    const word = await form(url)
    const seconds = (performance.now() - began) / 1000
    // What was begun may still be under way: for a second, a request may be shed.
    let answer = await ask()
    for (let at = 0; at < 10 && answer.status === 503; at++) {
      await wait(100)
      answer = await ask()
    }
    probe.postMessage('end')
    const waited = await message(probe)
    const above = memory(child.pid).peak - rest
    await wait(1000)
    const after = memory(child.pid).now - rest
    const broken = []
    if (above > MEMORY) broken.push(`memory is ${above.toFixed(0)} MB above rest`)
    if (waited > LIVEZ) broken.push(`/livez took ${waited.toFixed(0)} ms`)
    if (answer.status !== 200 || !answer.start.includes('user plain')) broken.push(`a plain query got ${answer.status} ${answer.start}`)
    const figures = `peak +${above.toFixed(0)} MB, then +${after.toFixed(0)} MB, /livez ≤ ${waited.toFixed(0)} ms, ${seconds.toFixed(1)} s`
    console.log(`${broken.length ? '✗' : '✓'} ${name}: ${figures} (${word})${broken.map((why) => `\n    ${why}`).join('')}`)
    return broken.length
  } finally {
    await probe.terminate()
    child.removeAllListeners('exit')
    child.kill('SIGKILL')
  }
}

if (!existsSync(BINARY)) {
  console.error(`there is no ${BINARY}: build it, or name another by BESPOKE`)
  process.exit(2)
}
const services = new Worker(new URL('services.mjs', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'attacks-'))
let broken = 0
try {
  for (const [path, text] of Object.entries(files(await message(services)))) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  for (const [bound, forms] of Object.entries(FORMS)) {
    if (positionals.length && !positionals.includes(bound)) continue
    for (const [name, form] of Object.entries(forms)) {
      if (name.includes(values.form)) broken += await attack(`${bound} ${name}`, form, folder)
    }
  }
} catch (error) {
  console.error(error.message)
  broken = -1
} finally {
  rmSync(folder, { recursive: true, force: true })
  await services.terminate()
}
process.exit(broken < 0 ? 2 : broken > 0 ? 1 : 0)
