'use strict';

const assert = require('node:assert');
const { Readable } = require('node:stream');
const { test } = require('node:test');
const { Profiles } = require('./profiles.js');

const ada = { id: '1', email: 'ada@example.org' };

test('a change keeps what it does not name', () => {
  const profiles = new Profiles();
  profiles.change(ada, { name: 'Ada', bio: 'x' });
  profiles.change(ada, { bio: null });
  assert.deepStrictEqual(profiles.of(ada), { ...ada, name: 'Ada', bio: null, avatar: null });
  assert.strictEqual(profiles.of({ id: '2', email: 'bob@example.org' }).name, null);
});

test('only known fields of a fitting size are changed', () => {
  const profiles = new Profiles();
  for (const bad of [{ id: '2' }, { name: 7 }, { name: 'x'.repeat(101) }, JSON.parse('{"__proto__": "x"}')]) {
    assert.throws(() => profiles.change(ada, bad), { status: 400 });
  }
});

test('an avatar is known by its size and digest', async () => {
  const { avatar } = await new Profiles().setAvatar(ada, Readable.from([Buffer.from('a'), Buffer.from('bc')]));
  assert.deepStrictEqual(avatar, { bytes: 3, sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad' });
});
