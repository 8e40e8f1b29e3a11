'use strict';
// Accounts, in memory: they last as long as the service runs.

const { randomBytes, randomUUID, scrypt, timingSafeEqual } = require('node:crypto');
const { promisify } = require('node:util');
const { HttpError } = require('../shared/service.js');

const hash = promisify(scrypt);
const KEY_BYTES = 32;

class Accounts {
  #byEmail = new Map();

  /** Makes an account; its password is kept as a salted hash. */
  async register(email, password) {
    if (typeof email !== 'string' || !/^[^\s@]+@[^\s@]+$/.test(email)) throw new HttpError(400, 'invalid_email');
    if (typeof password !== 'string' || password.length < 8) throw new HttpError(400, 'password_too_short');
    const key = email.toLowerCase();
    if (this.#byEmail.has(key)) throw new HttpError(409, 'email_taken');
    const salt = randomBytes(16);
    const account = { id: randomUUID(), email, salt, hash: hash(password, salt, KEY_BYTES) };
    // The name is taken before the hash is there, so that two registrations at once cannot both have it.
    this.#byEmail.set(key, account);
    await account.hash;
    return { id: account.id, email };
  }

  /** The account of an email and a password. */
  async logIn(email, password) {
    if (typeof email !== 'string' || typeof password !== 'string') throw new HttpError(400, 'email_and_password_needed');
    const account = this.#byEmail.get(email.toLowerCase());
    // Without an account a hash is made all the same: the time it takes does not tell who has one.
    const given = await hash(password, account?.salt ?? randomBytes(16), KEY_BYTES);
    const right = account !== undefined && timingSafeEqual(given, await account.hash);
    if (!right) throw new HttpError(401, 'wrong_email_or_password');
    return { id: account.id, email: account.email };
  }
}

module.exports = { Accounts };
