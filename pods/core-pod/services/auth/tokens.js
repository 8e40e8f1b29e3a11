'use strict';
// JSON web tokens with one algorithm, HS256, which is not negotiable.

const { createHmac, timingSafeEqual } = require('node:crypto');

const HEADER = encode({ alg: 'HS256', typ: 'JWT' });

class Tokens {
  #secret;
  #now;
  lifetimeSeconds = 3600;

  constructor(secret, now = Date.now) {
    this.#secret = secret;
    this.#now = now;
  }

  /** A token for an account. */
  sign({ id, email }) {
    const content = `${HEADER}.${encode({ sub: id, email, exp: this.#seconds() + this.lifetimeSeconds })}`;
    return `${content}.${this.#signature(content).toString('base64url')}`;
  }

  /** The account of a token; undefined when it was not made here or has expired. */
  verify(token) {
    const [header, payload, signature, ...rest] = token.split('.');
    if (header !== HEADER || !signature || rest.length > 0) return undefined;
    const given = Buffer.from(signature, 'base64url');
    const right = this.#signature(`${header}.${payload}`);
    if (given.length !== right.length || !timingSafeEqual(given, right)) return undefined;
    const { sub, email, exp } = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    return exp > this.#seconds() ? { id: sub, email } : undefined;
  }

  #seconds() {
    return Math.floor(this.#now() / 1000);
  }

  #signature(content) {
    return createHmac('sha256', this.#secret).update(content).digest();
  }
}

function encode(value) {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

module.exports = { Tokens };
