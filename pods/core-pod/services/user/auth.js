'use strict';
// Whose request this is: auth-service knows, since it alone has the secret. What it said is remembered for a minute, so
// that whoever was known goes on being served while it is away.

const http = require('node:http');
const { HttpError } = require('../shared/service.js');

const TIMEOUT_MS = 2000;

/** What auth-service said of tokens, for a while; the oldest give way. */
class Verified {
  #accounts = new Map();
  #now;
  static LIFETIME_MS = 60_000;
  static MOST = 1000;

  constructor(now = Date.now) {
    this.#now = now;
  }

  get(token) {
    const known = this.#accounts.get(token);
    return known && known.until > this.#now() ? known.account : undefined;
  }

  set(token, account) {
    this.#accounts.delete(token);
    this.#accounts.set(token, { account, until: this.#now() + Verified.LIFETIME_MS });
    if (this.#accounts.size > Verified.MOST) this.#accounts.delete(this.#accounts.keys().next().value);
  }
}

const verified = new Verified();

/** The account that a request's token belongs to. */
async function accountOf(request) {
  const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1];
  if (!token) throw invalid();
  const known = verified.get(token);
  if (known) return known;
  const answer = await ask(token, request.headers['x-request-id'] ?? '-');
  if (answer.status === 401) throw invalid();
  if (answer.status !== 200) throw unavailable();
  const account = JSON.parse(answer.text);
  verified.set(token, account);
  return account;
}

function ask(token, requestId) {
  const url = new URL('/api/v1/auth/verify', process.env.AUTH_URL);
  const headers = { authorization: `Bearer ${token}`, 'x-request-id': requestId };
  return get(url, headers).catch(() => { throw unavailable(); });
}

const invalid = () => new HttpError(401, 'invalid_token', { 'WWW-Authenticate': 'Bearer' });
const unavailable = () => new HttpError(503, 'auth_unavailable', { 'Retry-After': '2' });

function get(url, headers) {
  return new Promise((resolve, reject) => {
    const request = http.get(url, { headers, timeout: TIMEOUT_MS }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => { text += chunk; });
      response.on('end', () => resolve({ status: response.statusCode, text }));
      response.on('error', reject);
    });
    request.on('timeout', () => request.destroy(new Error('auth-service takes too long')));
    request.on('error', reject);
  });
}

module.exports = { Verified, accountOf };
