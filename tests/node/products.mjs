// Products and their media for the tests of a file: the schema, a daemon, a client of it.
import assert from "node:assert/strict";
import { after, before } from "node:test";
import { Daemon, ours } from "./support.mjs";

export const { buildSchema } = await ours("schema.js");
const { Client, entity, media, medium, number, systemEntity, text } = await ours("index.js");

export const schema = buildSchema(
  {
    products: entity("products", { name: text(), price: number(), cover: medium(), gallery: media() }),
    media: systemEntity("media", { alt: text() }),
  },
  ({ relation, index }, { products, media }) => {
    relation(products).polyToOne(media, { mappedBy: "cover" }).polyToMany(media, { mappedBy: "gallery" });
    index(products).on(["name"]);
  },
);

export let daemon, client;

before(async () => {
  daemon = await Daemon.start();
  client = new Client({ socket: daemon.socket, schema });
});
after(async () => {
  client.close();
  assert.equal(await daemon.end(), 0);
});

export const products = () => client.mutator("products");
export const patterned = (size) =>
  Buffer.alloc(
    size,
    Uint8Array.from({ length: 251 }, (_, i) => i),
  );
