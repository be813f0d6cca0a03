// Speaks the wire and does as a test says: what no real daemon does when it is asked to.
import { createServer } from "node:net";
import { join } from "node:path";
import { after } from "node:test";
import { msgpack, temporaryFolder } from "./support.mjs";

const folder = temporaryFolder();
let fakes = 0;

export const helloOf = (store_id = "aa") => ({
  server: "fake",
  protocol: 1,
  store_id,
  sequence: 1,
  schema_version: 1,
  capabilities: [],
  limits: { request: 8 << 20 },
  peer: {},
});

/**
 * `answer({ method, params, id, connection, reply, push, end })` is told of each request; connections are
 * counted from 1. `reply(error, result)`; an error may be the bare code.
 */
export async function fakeDaemon(answer) {
  const fake = { socket: join(folder, `${(fakes += 1)}.sock`), connections: 0, open: new Set() };
  const server = createServer(async (socket) => {
    const connection = (fake.connections += 1);
    fake.open.add(socket);
    socket.on("error", () => undefined).on("close", () => fake.open.delete(socket));
    const send = (message) => socket.write(msgpack.encode(message));
    try {
      for await (const [, id, method, params] of msgpack.decodeMultiStream(socket)) {
        const reply = (error, result = null) =>
          send([1, id, typeof error === "string" ? [error, error, { retryable: true }] : error, result]);
        const push = (name, ...said) => send([2, name, said]);
        const end = () => socket.destroy();
        answer({ method, params, id, connection, reply, push, end, send, socket });
      }
    } catch {
      // The client left.
    }
  });
  await new Promise((resolve) => server.listen(fake.socket, resolve));
  after(() => {
    for (const socket of fake.open) socket.destroy();
    server.close();
  });
  return fake;
}

/** One that greets, and does the rest as `answer` says. */
export const greeting = (answer) =>
  fakeDaemon((request) => {
    if (request.method === "hello") request.reply(null, helloOf());
    else answer(request);
  });
