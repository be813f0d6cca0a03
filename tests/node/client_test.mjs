// The client for Node as a whole: jobs, schemas, and what else speaks to its daemon.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { buildSchema, client, daemon, patterned, schema } from "./products.mjs";
import { Daemon, environment, msgpack, ours, refusal, shop, temporaryFolder } from "./support.mjs";

const { Client, entity, media, medium, number, systemEntity, text, em } = await ours("index.js");

// ---- Jobs ---------------------------------------------------------------------------------------

test("media without a use are collected, and the log still folds to what is there", async () => {
  const own = await Daemon.start();
  const keeper = new Client({ socket: own.socket, schema });
  const used = await keeper.mutator("products").insertOne({ cover: { $create: { file: patterned(100_000) } } });
  const alone = await keeper.media.upload(patterned(90_000));
  await keeper.gc({ dry_run: true, grace: 0 });
  assert.notEqual((await keeper.repository("media").findId(alone.id)).data, null);
  await keeper.gc({ grace: 0 });
  assert.equal((await keeper.repository("media").findId(alone.id)).data, null);
  assert.equal((await keeper.media.read({ id: used.changes.cover.added[0] })).length, 100_000);
  assert.equal((await keeper.verify()).equal, true);
  assert.equal((await keeper.rebuild()).mended, false);
  assert.equal((await keeper.verify()).equal, true);
  keeper.close();
  assert.equal(await own.end(), 0);
});

test("what the store has need not be sent", async () => {
  const { data } = await client.media.upload(patterned(120_000));
  const [known, unknown] = await client.have([data.blob, `xxh3-128:${"0".repeat(32)}`]);
  assert.equal(known.blob, data.blob);
  assert.equal(known.size, 120_000);
  assert.ok(known.expires > new Date());
  assert.equal(unknown, null);
  const again = await client.media.upload({ blob: known.blob });
  assert.equal(again.data.blob, data.blob);
  const report = await client.scrub();
  assert.equal(report.damaged, 0);
  assert.deepEqual(report.waiting, []);
});

// ---- Schemas ------------------------------------------------------------------------------------

test("a schema that is so already writes nothing", async () => {
  const { sequence } = await client.ping();
  const again = new Client({ socket: daemon.socket, schema });
  assert.equal((await again.ping()).sequence, sequence);
  again.close();
});

test("a schema that destroys is refused until it is said to", async () => {
  const own = await Daemon.start();
  const first = new Client({ socket: own.socket, schema });
  await first.mutator("products").insertOne({ name: "x" });
  const less = buildSchema({ products: entity("products", { name: text() }) });
  const second = new Client({ socket: own.socket, schema: less });
  const error = await refusal(second.repository("products").findMany());
  assert.equal(error.code, "destructive_change");
  const applied = await second.applySchema(less, { allow_destructive: true });
  assert.ok(applied.changed);
  assert.equal((await second.repository("products").findMany()).length, 1);
  first.close();
  second.close();
  assert.equal(await own.end(), 0);
});

test("the builder writes what bknd's writes", async () => {
  const { boolean, date, datetime, enumm, json, jsonSchema } = await ours("fields.js");
  const built = buildSchema(
    {
      posts: entity("posts", {
        title: text().required(),
        slug: text({ minLength: 2, maxLength: 40, pattern: "^[a-z-]+$", label: "Slug", description: "In the address" }),
        price: number({
          minimum: 0,
          maximum: 1000,
          exclusiveMinimum: -1,
          exclusiveMaximum: 1001,
          multipleOf: 0.25,
          default_value: 1,
        }),
        published: boolean({ default_value: false }),
        day: date(),
        at: datetime(),
        state: enumm({ enum: ["draft", "live"] }),
        size: enumm({
          enum: [
            { label: "Small", value: "s" },
            { label: "Large", value: "l" },
          ],
        }),
        extra: json({ default_value: { a: 1 } }),
        specs: jsonSchema({
          schema: {
            type: "object",
            properties: { width: { type: "number", minimum: 0, default: 1 } },
            required: ["width"],
          },
          default_from_schema: true,
          ui_schema: { width: { "ui:widget": "range" } },
        }),
        secret: text({ hidden: ["read", "table"], fillable: ["create"] }),
        cover: medium(),
        gallery: media(),
      }),
      notes: entity(
        "notes",
        { text: text() },
        { name: "Notes", name_singular: "Note", description: "By hand", sort_dir: "desc", primary_format: "uuid" },
      ),
      media: systemEntity("media", {}),
    },
    ({ relation, index }, { posts, media }) => {
      relation(posts).polyToOne(media, { mappedBy: "cover" });
      relation(posts).polyToMany(media, { mappedBy: "gallery" });
      index(posts).on(["title"], true).on(["state", "day"]);
    },
  );
  const golden = JSON.parse(readFileSync(join(shop, "..", "..", "tests", "golden", "bknd_schema.json"), "utf8"));
  assert.deepEqual(JSON.parse(JSON.stringify(built)), golden);
});

// ---- Others -------------------------------------------------------------------------------------

test("five lines of a MessagePack library are a client", async () => {
  const socket = createConnection(daemon.socket);
  socket.write(msgpack.encode([0, 1, "ping", []]));
  socket.write(msgpack.encode([0, 2, "findOne", ["products", { where: { id: 1 } }]]));
  const replies = [];
  for await (const reply of msgpack.decodeMultiStream(socket)) if (replies.push(reply) === 2) break;
  socket.destroy();
  assert.deepEqual(replies.map(([kind, id, error]) => [kind, id, error]).sort(), [
    [1, 1, null],
    [1, 2, null],
  ]);
});

test("serve starts a private daemon once, and finds it the second time", async () => {
  const { serve } = await ours("serve.js");
  const folder = temporaryFolder();
  mkdirSync(join(folder, "store"));
  Object.assign(process.env, environment(), { EMSTORED: process.env.EMSTORED });
  const options = {
    config: {
      data: schema.toJSON(),
      media: { enabled: true, adapter: { type: "local", config: { path: join(folder, "up") } } },
    },
    connection: { url: join(folder, "store") },
  };
  const first = await serve(options);
  const second = await serve(options);
  assert.deepEqual([first.isOurs, second.isOurs, first.socket], [true, false, second.socket]);
  assert.equal((await em.mutator("products").insertOne({ name: "served" })).id, 1);
  await first.close();
  const wrong = await refusal(serve({ config: { media: { enabled: true, adapter: { provider: "s3" } } } }));
  assert.deepEqual([wrong.code, wrong.path], ["unsupported", "config.media.adapter.provider"]);
  const unknown = await refusal(serve({ config: { auth: {} } }));
  assert.deepEqual([unknown.code, unknown.path], ["unknown_option", "config.auth"]);
  const nothing = await refusal(
    serve({ ...options, connection: { url: join(folder, "other") }, daemon: "/no/such/emstored" }),
  );
  assert.match(nothing.hint, /install emstored/);
});
