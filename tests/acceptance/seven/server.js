'use strict';
// Answers 500 until it has lived for a while, then 200; says goodbye when it is asked to stop.

const [name, port, unwellMs] = process.argv.slice(2);
const wellAt = Date.now() + Number(unwellMs);
const server = require('node:http').createServer((request, response) => {
  response.writeHead(Date.now() < wellAt ? 500 : 200).end(`${name}\n`);
});
server.listen(Number(port), '127.0.0.1', () => console.log(`${name} listens`));
process.on('SIGTERM', () => {
  console.log(`${name} says goodbye`);
  server.close(() => process.exit(0));
  server.closeAllConnections();
});
