'use strict';
// auth-service: accounts and the tokens that prove them.

const { randomBytes } = require('node:crypto');
const { HttpError, durationMs, readJson, serve } = require('../shared/service.js');
const { Accounts } = require('./accounts.js');
const { Tokens } = require('./tokens.js');

const secret = process.env.JWT_SECRET || randomBytes(32);
if (!process.env.JWT_SECRET) {
  console.log('auth-service: JWT_SECRET is not set: made a random one; tokens are good until this service restarts');
}
const accounts = new Accounts();
const tokens = new Tokens(secret);

serve({
  name: 'auth-service',
  delayMs: durationMs(process.env.AUTH_START_DELAY ?? ''),
  routes: {
    'GET /health': async () => ({ status: 200, body: { status: 'ok' } }),

    'POST /api/v1/auth/register': async (request) => {
      const { email, password } = await readJson(request);
      return { status: 201, body: await accounts.register(email, password) };
    },

    'POST /api/v1/auth/login': async (request) => {
      const { email, password } = await readJson(request);
      const account = await accounts.logIn(email, password);
      return { status: 200, body: { token: tokens.sign(account), expires_in: tokens.lifetimeSeconds } };
    },

    // Other services ask here whom a token belongs to; so the secret stays in this one.
    'GET /api/v1/auth/verify': async (request) => {
      const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1];
      const account = token && tokens.verify(token);
      if (!account) throw new HttpError(401, 'invalid_token', { 'WWW-Authenticate': 'Bearer' });
      return { status: 200, body: account };
    },
  },
});
