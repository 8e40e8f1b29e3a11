'use strict';

const assert = require('node:assert');
const { test } = require('node:test');
const { Verified } = require('./auth.js');

test('what was verified is known for a minute', () => {
  let now = 0;
  const verified = new Verified(() => now);
  verified.set('token', { id: '1' });
  now = 59_999;
  assert.deepStrictEqual(verified.get('token'), { id: '1' });
  now = 60_000;
  assert.strictEqual(verified.get('token'), undefined);
});

test('the oldest give way', () => {
  const verified = new Verified(() => 0);
  for (let i = 0; i <= Verified.MOST; i++) verified.set(`token-${i}`, i);
  assert.strictEqual(verified.get('token-0'), undefined);
  assert.strictEqual(verified.get(`token-${Verified.MOST}`), Verified.MOST);
});
