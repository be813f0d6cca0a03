// A MessagePack-RPC client that nobody made for emstore calls real methods: that of the npm package
// `neovim`, with the greeting and the notifications that it sends on its own account.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { Daemon, packageFolder } from "./support.mjs";

const { attach } = createRequire(join(packageFolder, "package.json"))("neovim");

/** Errors are told by rejections; its log would be for people. */
const logger = new Proxy({ level: "silent" }, { get: (target, name) => target[name] ?? (() => logger) });

const schema = {
  entities: {
    products: { fields: { name: { type: "text" }, gallery: { type: "media" } } },
    media: { type: "system", fields: {} },
  },
  relations: { r: { type: "poly", source: "products", target: "media", config: { mappedBy: "gallery" } } },
};

async function withClient(use) {
  const daemon = await Daemon.start();
  const nvim = attach({ socket: daemon.socket, options: { logger } });
  nvim.transport.reader.on("error", () => undefined); // It has no words for the end.
  const refused = [];
  nvim.transport.on("notification", (method, params) => refused.push([method, params[0], params[1][0]]));
  try {
    await use(nvim, refused);
  } finally {
    await nvim.transport.close();
  }
  assert.equal(await daemon.end(), 0);
}

test("the client of npm's neovim writes, reads and is told what is wrong", () =>
  withClient(async (nvim) => {
    assert.equal((await nvim.request("schema.apply", [schema])).changed, true);
    const picture = { $create: { file: Buffer.from("a picture") } };
    const made = await nvim.request("insertOne", ["products", { name: "Laptop", gallery: picture }]);
    const query = { where: { id: made.id }, with: { gallery: true } };
    const { data } = await nvim.request("findOne", ["products", query]);
    assert.deepEqual([data.name, data.gallery[0].size], ["Laptop", 9]);
    const detached = await nvim.request("updateOne", ["products", 1, { gallery: { $detach: [1] } }]);
    assert.equal(detached.sequence, made.sequence + 1);
    await assert.rejects(nvim.request("findMany", ["media", { wher: {} }]), /a query has no option "wher"/);
  }));

test("its notifications are not carried out, it is told so, and the connection goes on", () =>
  withClient(async (nvim, refused) => {
    await nvim.request("schema.apply", [schema]);
    const { sequence } = await nvim.request("ping");
    nvim.notify("nvim_set_client_info", ["stock", {}, "remote", {}, {}]); // The greeting of such clients.
    nvim.notify("insertOne", ["products", { name: "never" }]);
    nvim.notify("ping", []);
    assert.equal((await nvim.request("ping")).sequence, sequence);
    assert.equal((await nvim.request("count", ["products"])).count, 0);
    assert.deepEqual(refused, [
      ["refused", "nvim_set_client_info", "malformed_message"],
      ["refused", "insertOne", "malformed_message"],
      ["refused", "ping", "malformed_message"],
    ]);
  }));
