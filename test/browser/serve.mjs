// SPDX-License-Identifier: Apache-2.0
// A folder over HTTP on a free port of 127.0.0.1, with the headers of its headers.txt: serve.mjs DIR
// Prints the port, ends when its standard input closes. For tests of rendered files only.
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(process.argv[2]);
const types = { '.html': 'text/html; charset=utf-8', '.css': 'text/css; charset=utf-8', '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml', '.woff2': 'font/woff2', '.txt': 'text/plain; charset=utf-8' };
const headers = readFileSync(path.join(root, 'headers.txt'), 'utf8').trim().split('\n').map((l) => l.split(/: (.*)/s).slice(0, 2));
const server = createServer((request, response) => {
  const file = path.join(root, path.normalize(decodeURIComponent(new URL(request.url, 'http://x').pathname)));
  for (const [name, value] of headers) response.setHeader(name, value);
  try {
    if (!file.startsWith(root)) throw new Error('outside');
    const body = readFileSync(file);
    response.setHeader('Content-Type', types[path.extname(file)] ?? 'application/octet-stream');
    response.end(body);
  } catch {
    response.statusCode = 404;
    response.end('not found');
  }
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
