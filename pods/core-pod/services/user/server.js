'use strict';
// user-service: the profile of whoever a token belongs to.

const { readJson, serve } = require('../shared/service.js');
const { accountOf } = require('./auth.js');
const { Profiles } = require('./profiles.js');

const profiles = new Profiles();

serve({
  name: 'user-service',
  routes: {
    'GET /health': async () => ({ status: 200, body: { status: 'ok' } }),

    'GET /api/v1/users/me': async (request) => {
      return { status: 200, body: profiles.of(await accountOf(request)) };
    },

    'PATCH /api/v1/users/me': async (request) => {
      const account = await accountOf(request);
      return { status: 200, body: profiles.change(account, await readJson(request)) };
    },

    // The picture is read as it comes and only its digest is kept: enough to show that large bodies are streamed.
    'PUT /api/v1/users/me/avatar': async (request) => {
      const account = await accountOf(request);
      return { status: 200, body: await profiles.setAvatar(account, request) };
    },
  },
});
