// What @clickhouse/client does, against the server at CLICKHOUSE_URL.

import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { ClickHouseLogLevel, createClient } from '@clickhouse/client'

const url = process.env.CLICKHOUSE_URL
// What is refused is looked at here.
const log = { level: ClickHouseLogLevel.OFF }
const rows = [
  { id: '1', text: 'one\n\nSELECT 2;', tags: ['a', 'b'], maybe: null },
  { id: '2', text: "zwei \u00fc '\\", tags: [], maybe: 'there' },
]
const refuses = async (code, ask) => {
  await assert.rejects(ask, (error) => assert.equal(error.code, String(code), error) === undefined)
}

for (const compression of [{ request: false, response: false }, { request: true, response: true }]) {
  const client = createClient({ url, log, compression, clickhouse_settings: { output_format_json_quote_64bit_integers: 1 } })
  assert.ok((await client.ping()).success)
  await client.command({ query: 'CREATE DATABASE IF NOT EXISTS clients_node ENGINE = Atomic' })
  await client.command({ query: 'DROP TABLE IF EXISTS clients_node.t SYNC' })
  await client.command({
    query: 'CREATE TABLE clients_node.t (id UInt64, text String, tags Array(String), maybe Nullable(String)) ENGINE = MergeTree ORDER BY id',
  })

  const inserted = await client.insert({ table: 'clients_node.t', values: rows, format: 'JSONEachRow' })
  assert.equal(inserted.summary.written_rows, '2')
  const selected = await client.query({ query: 'SELECT * FROM clients_node.t ORDER BY id', format: 'JSONEachRow' })
  assert.deepEqual(await selected.json(), rows)

  await client.insert({ table: 'clients_node.t', values: Readable.from(['3,three,[],\\N\n', '4,"a\n\nb",[],\\N\n'], { objectMode: false }), format: 'CSV' })
  const found = await client.query({
    query: 'SELECT id FROM clients_node.t WHERE text = {text:String}',
    query_params: { text: 'a\n\nb' },
    format: 'JSON',
  })
  assert.deepEqual((await found.json()).data, [{ id: '4' }])
  const id = `clients-node-${process.pid}-${compression.request}`
  const named = await client.query({ query: 'SELECT 1', query_id: id, format: 'TabSeparated' })
  assert.equal(named.query_id, id)
  assert.equal(await named.text(), '1\n')

  const many = await client.query({ query: 'SELECT number FROM numbers(300000)', format: 'JSONCompactEachRow' })
  let total = 0
  for await (const batch of many.stream()) for (const row of batch) total += Number(row.json()[0])
  assert.equal(total, (300000 * 299999) / 2)

  await refuses(60, () => client.query({ query: 'SELECT * FROM clients_node.nosuch' }))
  await refuses(62, () => client.command({ query: 'SELEC 1' }))
  await refuses(115, () => client.command({ query: 'SELECT 1', clickhouse_settings: { nosuch: 1 } }))
  await client.close()
}

const client = createClient({ url, log, session_id: `clients-node-${process.pid}` })
await client.command({ query: 'CREATE TEMPORARY TABLE mine (a UInt8)' })
await client.insert({ table: 'mine', values: [{ a: 7 }], format: 'JSONEachRow' })
const mine = await client.query({ query: 'SELECT a FROM mine', format: 'JSONEachRow' })
assert.deepEqual(await mine.json(), [{ a: 7 }])
await client.close()

// What a client leaves behind is cancelled.
const other = createClient({ url, log })
const abort = new AbortController()
const id = `clients-node-${process.pid}-abandoned`
const abandoned = other.query({ query: 'SELECT sleepEachRow(1) FROM numbers(100) SETTINGS max_block_size = 1', query_id: id, abort_signal: abort.signal })
const running = async () => {
  const query = `SELECT count() AS n FROM system.processes WHERE Settings['log_comment'] = '${id}'`
  return (await (await other.query({ query, format: 'JSONEachRow' })).json())[0].n
}
while (Number(await running()) === 0);
abort.abort()
await assert.rejects(abandoned)
while (Number(await running()) !== 0);
await other.command({ query: 'DROP DATABASE clients_node SYNC' })
await other.close()
console.log('@clickhouse/client well')
