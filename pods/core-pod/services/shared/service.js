'use strict';
// What both services share: JSON over HTTP, and an end that leaves no request unanswered.

const http = require('node:http');

const MAX_JSON_BYTES = 64 * 1024;

/** An error that the client is told, with the status of the answer. */
class HttpError extends Error {
  constructor(status, code, headers = {}) {
    super(code);
    this.status = status;
    this.headers = headers;
  }
}

/**
 * Serves `routes` (`'GET /path': async (request) => ({ status, body })`) on HOST and PORT until SIGTERM or SIGINT.
 * Then it takes no new connection, answers what it has accepted, says goodbye and ends with 0.
 */
function serve({ name, routes, delayMs = 0 }) {
  let stopping = false;
  const log = (message) => console.log(`${name}: ${message}`);

  const server = http.createServer(async (request, response) => {
    const started = process.hrtime.bigint();
    const answer = await dispatch(routes, request, log);
    const text = JSON.stringify(answer.body) + '\n';
    const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text), ...answer.headers };
    // The proxy keeps connections for later requests; a service that stops has no later.
    if (stopping) headers.Connection = 'close';
    response.writeHead(answer.status, headers);
    response.end(text, () => stopping && server.closeIdleConnections());
    const path = request.url.split('?')[0];
    const ms = Number(process.hrtime.bigint() - started) / 1e6;
    if (path !== '/health') log(`${request.method} ${path} ${answer.status} ${ms.toFixed(1)}ms ${request.headers['x-request-id'] ?? '-'}`);
  });

  const host = process.env.HOST ?? '127.0.0.1';
  const port = Number(process.env.PORT);
  const start = () => server.listen(port, host, () => log(`listening on ${host}:${server.address().port}`));
  if (delayMs > 0) log(`starts in ${delayMs} ms`);
  const timer = setTimeout(start, delayMs);

  const stop = (signal) => {
    if (stopping) return;
    stopping = true;
    clearTimeout(timer);
    log(`${signal}: finishing what is under way`);
    // `close` calls back with an error when the service had not started to listen; there is nothing to finish then.
    server.close(() => log('all requests answered, goodbye'));
    server.closeIdleConnections();
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  return { server, stop };
}

async function dispatch(routes, request, log) {
  const path = request.url.split('?')[0];
  try {
    const handler = routes[`${request.method} ${path}`];
    if (handler) return await handler(request);
    const known = Object.keys(routes).some((route) => route.endsWith(` ${path}`));
    throw known ? new HttpError(405, 'method_not_allowed') : new HttpError(404, 'not_found');
  } catch (error) {
    if (error instanceof HttpError) return { status: error.status, headers: error.headers, body: { error: error.message } };
    log(`${request.method} ${path} failed: ${error.stack}`);
    return { status: 500, body: { error: 'internal_error' } };
  }
}

/** The JSON object in a request's body. */
async function readJson(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > MAX_JSON_BYTES) throw new HttpError(413, 'body_too_large');
    chunks.push(chunk);
  }
  try {
    const value = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value;
  } catch {
    // Said below, as for any other value that is no object.
  }
  throw new HttpError(400, 'not_a_json_object');
}

/** Milliseconds of `7s`, `500ms` or `0`. */
function durationMs(text) {
  const match = /^(\d+)(ms|s)$/.exec(text);
  if (match) return Number(match[1]) * (match[2] === 's' ? 1000 : 1);
  if (text === '' || text === '0') return 0;
  throw new Error(`"${text}" is no duration: write 7s or 500ms`);
}

module.exports = { HttpError, durationMs, readJson, serve };
