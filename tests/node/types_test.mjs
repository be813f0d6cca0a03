// What compiles and what does not: rows, payloads of relations and what `with` brings, as the schema
// says. Each `@ts-expect-error` is a control: the compiler complains when nothing is wrong there.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { built } from "./page_runner.mjs";
import { Daemon, environment, ours, root } from "./support.mjs";

const schema = `import { em, entity, systemEntity, text, number, boolean, enumm, json, datetime, medium, media } from "emstore";
const schema = em({
  posts: entity("posts", {
    title: text().required(),
    rank: number(),
    state: enumm({ enum: ["draft", "live"] }),
    extra: json<{ a: number }>(),
    at: datetime(),
    shown: boolean({ default_value: false }),
    cover: medium(),
    images: media(),
  }),
  notes: entity("notes", { text: text() }, { primary_format: "uuid" }),
  media: systemEntity("media", { alt: text() }),
}, ({ relation, index }, { posts, notes, media }) => {
  relation(posts).polyToOne(media, { mappedBy: "cover" }).polyToMany(media, { mappedBy: "images" });
  relation(notes).manyToOne(posts, { mappedBy: "about" });
  index(posts).on(["title"], true).on(["rank", "state"]);
  // @ts-expect-error: no such field
  index(posts).on(["titel"]);
});
type Database = (typeof schema)["DB"];
declare module "emstore" {
  interface DB extends Database {}
}
`;

const mutations = `
export async function mutations() {
  const posts = em.mutator("posts");
  const post = await posts.insertOne({ title: "t", rank: null, state: "live", extra: { a: 1 }, at: new Date() });
  const title: string = post.title;
  const rank: number | null = post.data.rank;
  // @ts-expect-error: the title is required
  await posts.insertOne({ rank: 1 });
  // @ts-expect-error: a number
  await posts.updateOne(1, { rank: "1" });
  // @ts-expect-error: not one of these
  await posts.updateOne(1, { state: "dead" });

  await posts.updateOne(1, { cover: { $set: 1 } });
  await posts.updateOne(1, { cover: { $set: { id: 1 } } });
  await posts.updateOne(1, { cover: { $set: null } });
  await posts.updateOne(1, { cover: { $create: { file: "a.png", alt: "a" } } });
  // @ts-expect-error: $attach is for media()
  await posts.updateOne(1, { cover: { $attach: [1] } });
  // @ts-expect-error: $detach is for media()
  await posts.updateOne(1, { cover: { $detach: [1] } });
  // @ts-expect-error: one, not a list
  await posts.updateOne(1, { cover: { $set: [1] } });
  // @ts-expect-error: one file, not two
  await posts.updateOne(1, { cover: { $create: [{ file: "a" }, { file: "b" }] } });
  // @ts-expect-error: a file is needed
  await posts.updateOne(1, { images: { $create: [{ name: "a" }] } });
  // @ts-expect-error: no such operator
  await posts.updateOne(1, { images: { $atach: [1] } });
  // @ts-expect-error: media fields are changed by operators
  await posts.updateOne(1, { images: [1, 2] });

  await posts.updateOne(1, { images: { $attach: [1, { id: 2, at: "first", meta: { alt: "x" } }, { id: 3, at: { after: 1 } }] } });
  await posts.updateOne(1, { images: { $set: [], $detach: [3], $create: { file: Buffer.from("x") } } });
  // @ts-expect-error: no such place
  await posts.updateOne(1, { images: { $attach: [{ id: 2, at: "middle" }] } });
  await em.mutator("notes").insertOne({ text: "x", about: { $set: 1 } }); // An end of a relation.
  await em.mutator("elsewhere").insertOne({ anything: 1 }); // An entity that the types do not know.
  return [title, rank];
}
`;

const reads = `
export async function reads() {
  const posts = em.repository("posts");
  const post = await posts.findOne({ where: { id: 1, title: { $startsWith: "a" } }, with: { cover: true, images: { limit: 1 } } });
  // @ts-expect-error: perhaps none was found
  const unsure: string = post.title;
  if (!post.data) return;
  const title: string = post.data.title;
  const alt: string | null | undefined = post.data.cover?.alt;
  const sizes: number[] = post.data.images.map((image) => image.size);
  const extra: { a: number } | null = post.data.extra;
  const state: "draft" | "live" | null = post.data.state;
  const bare = await posts.findId(1);
  // @ts-expect-error: not asked for by with
  bare.data?.images.length;
  // @ts-expect-error: a title is a text
  await posts.findMany({ where: { title: 5 } });
  // @ts-expect-error: no such option
  await posts.findMany({ oderBy: "title" });
  const many = await posts.findMany({ orderBy: { rank: "desc" }, limit: 2 });
  const titles: string[] = many.map((one) => one.title);
  const more: boolean | undefined = many.meta.hasMore;
  const note = await em.repository("notes").findMany();
  const id: string = note[0]!.id;
  const found = await em.repository("media").findOne({ where: { id: 1 }, with: { reference: true } });
  const uses: string[] | undefined = found.data?.reference.map((use) => use.entity);
  const positional = await posts.findOne({ title: "a" }, { with: { images: true } });
  const count: number | undefined = positional.data?.images.length;
  return [unsure, title, alt, sizes, extra, state, titles, more, id, uses, count];
}
`;

test("payloads and rows have the types of the schema", () => {
  built("types", "types", schema + mutations + reads);
});

test("the control: what is wrong does not compile", () => {
  const wrong = `${schema}await em.mutator("posts").updateOne(1, { cover: { $attach: [1] } });\n`;
  assert.throws(() => built("types", "wrong", wrong), /'\$attach' does not exist in type 'MediumChange'/);
});

test("`emstore schema show --typescript` is a program that makes the same schema", async () => {
  const daemon = await Daemon.start();
  const golden = JSON.parse(readFileSync(join(root, "tests", "golden", "bknd_schema.json"), "utf8"));
  daemon.cli("call", "schema.apply", JSON.stringify(golden));
  const shown = execFileSync(process.env.EMSTORE_CLI, ["schema", "show", "--typescript"], {
    env: environment({ EMSTORE_SOCKET: daemon.socket }),
    encoding: "utf8",
  });
  const program = built("shown", "shown", shown.replace("export const", "const"));
  const { schema } = await import(pathToFileURL(program));
  const { Client } = await ours("index.js");
  const client = new Client({ socket: daemon.socket });
  const { changed, difference } = await client.applySchema(schema);
  assert.deepEqual([changed, difference], [false, []]);
  client.close();
  assert.equal(await daemon.end(), 0);
});
