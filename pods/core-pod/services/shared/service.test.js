'use strict';

const assert = require('node:assert');
const http = require('node:http');
const { once } = require('node:events');
const { test } = require('node:test');
const { durationMs, readJson, serve } = require('./service.js');

process.env.PORT = '0';

test('durations carry a unit', () => {
  assert.deepStrictEqual(['7s', '500ms', '0', ''].map(durationMs), [7000, 500, 0, 0]);
  assert.throws(() => durationMs('7'), /7s or 500ms/);
});

test('what is under way when a stop comes is answered, and the connection closed', async () => {
  let entered;
  let release;
  const inHandler = new Promise((resolve) => { entered = resolve; });
  const released = new Promise((resolve) => { release = resolve; });
  const routes = {
    'POST /slow': async (request) => {
      entered();
      await released;
      return { status: 200, body: await readJson(request) };
    },
  };
  const { server, stop } = serve({ name: 'test', routes });
  await once(server, 'listening');
  const request = http.request({ port: server.address().port, method: 'POST', path: '/slow', agent: new http.Agent({ keepAlive: true }) });
  request.end('{"a":1}');
  await inHandler;
  const closed = once(server, 'close');
  stop('SIGTERM');
  release();
  const [response] = await once(request, 'response');
  assert.strictEqual(response.statusCode, 200);
  assert.strictEqual(response.headers.connection, 'close');
  response.resume();
  await closed;
});

test('what is not there is 404, another method 405, a bad body 400', async () => {
  const { server, stop } = serve({ name: 'test', routes: { 'POST /x': async (request) => ({ status: 200, body: await readJson(request) }) } });
  await once(server, 'listening');
  const status = async (method, path, body) => {
    const request = http.request({ port: server.address().port, method, path });
    request.end(body);
    const [response] = await once(request, 'response');
    response.resume();
    return response.statusCode;
  };
  assert.strictEqual(await status('GET', '/y'), 404);
  assert.strictEqual(await status('GET', '/x'), 405);
  for (const bad of ['[]', 'null', '{', '']) assert.strictEqual(await status('POST', '/x', bad), 400);
  assert.strictEqual(await status('POST', '/x', '{"a":1}'), 200);
  stop('SIGTERM');
  await once(server, 'close');
});
