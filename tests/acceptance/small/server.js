'use strict';
// Answers whatever it is asked when it has a port; says goodbye when it is asked to stop.

const [name, port] = process.argv.slice(2);
const server = require('node:http').createServer((request, response) => response.end(`${name}\n`));
if (port) {
  server.listen(Number(port), '127.0.0.1', () => console.log(`${name} listens`));
} else {
  setInterval(() => {}, 1 << 30);
}
process.on('SIGTERM', () => {
  console.log(`${name} says goodbye`);
  process.exit(0);
});
