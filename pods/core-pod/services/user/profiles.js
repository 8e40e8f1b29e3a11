'use strict';
// Profiles, in memory: they last as long as the service runs.

const { createHash } = require('node:crypto');
const { HttpError } = require('../shared/service.js');

/** What a user may change, and how long it may be. */
const FIELDS = { name: 100, bio: 1000 };

class Profiles {
  #byId = new Map();

  /** The profile of an account; every account has one. */
  of({ id, email }) {
    return { id, email, name: null, bio: null, avatar: null, ...this.#byId.get(id) };
  }

  /** Changes the given fields and leaves the others. */
  change(account, changes) {
    for (const [field, value] of Object.entries(changes)) {
      if (!Object.hasOwn(FIELDS, field)) throw new HttpError(400, 'unknown_field');
      if (value !== null && (typeof value !== 'string' || value.length > FIELDS[field])) throw new HttpError(400, 'invalid_value');
    }
    return this.#merge(account, changes);
  }

  /** Reads a picture from a stream. */
  async setAvatar(account, stream) {
    const digest = createHash('sha256');
    let bytes = 0;
    for await (const chunk of stream) {
      digest.update(chunk);
      bytes += chunk.length;
    }
    return this.#merge(account, { avatar: { bytes, sha256: digest.digest('hex') } });
  }

  #merge(account, changes) {
    this.#byId.set(account.id, { ...this.#byId.get(account.id), ...changes });
    return this.of(account);
  }
}

module.exports = { Profiles };
