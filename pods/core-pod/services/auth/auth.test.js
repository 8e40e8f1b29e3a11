'use strict';

const assert = require('node:assert');
const { test } = require('node:test');
const { Accounts } = require('./accounts.js');
const { Tokens } = require('./tokens.js');

test('an account logs in with its password alone', async () => {
  const accounts = new Accounts();
  const made = await accounts.register('Ada@example.org', 'correct horse');
  assert.deepStrictEqual(await accounts.logIn('ada@example.org', 'correct horse'), made);
  await assert.rejects(accounts.logIn('ada@example.org', 'wrong horse'), { status: 401 });
  await assert.rejects(accounts.logIn('bob@example.org', 'correct horse'), { status: 401 });
});

test('an email is taken once, also by two at the same time', async () => {
  const accounts = new Accounts();
  const results = await Promise.allSettled([accounts.register('a@b', 'password'), accounts.register('A@b', 'password')]);
  assert.deepStrictEqual(results.map((result) => result.status), ['fulfilled', 'rejected']);
});

test('bad emails and short passwords are refused', async () => {
  const accounts = new Accounts();
  await assert.rejects(accounts.register('nobody', 'password'), { status: 400 });
  await assert.rejects(accounts.register('a@b', 'short'), { status: 400 });
  await assert.rejects(accounts.register(undefined, undefined), { status: 400 });
});

test('a token is good until it expires, and only as it was made', () => {
  let now = 1_000_000;
  const tokens = new Tokens('secret', () => now);
  const account = { id: '1', email: 'a@b' };
  const token = tokens.sign(account);
  assert.deepStrictEqual(tokens.verify(token), account);
  assert.strictEqual(new Tokens('other', () => now).verify(token), undefined);
  const [header, , signature] = token.split('.');
  const forged = Buffer.from(JSON.stringify({ sub: '2', exp: 1e12 })).toString('base64url');
  for (const bad of [`${header}.${forged}.${signature}`, `${header}.${forged}.`, 'x', `${token}.x`]) {
    assert.strictEqual(tokens.verify(bad), undefined);
  }
  now += tokens.lifetimeSeconds * 1000;
  assert.strictEqual(tokens.verify(token), undefined);
});
