// What compiles and what does not: rows, payloads of relations and what `with` brings, as the schema
// says. Each `@ts-expect-error` is a control: the compiler complains when nothing is wrong there.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { built, run } from "./page_runner.mjs";
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

// Relations between entities: the callback returns them, and the types know their ends.
const related = `import { em, entity, systemEntity, text, number, media } from "emstore";
const schema = em({
  users: entity("users", { name: text().required() }),
  profiles: entity("profiles", { bio: text() }, { primary_format: "uuid" }),
  posts: entity("posts", { title: text().required(), pictures: media() }),
  notes: entity("notes", { body: text() }),
  tags: entity("tags", { label: text() }),
  topics: entity("topics", { name: text() }),
  media: systemEntity("media", { alt: text() }),
}, ({ relation, index }, { users, profiles, posts, notes, tags, topics, media }) => [
  relation(posts)
    .manyToOne(users, { mappedBy: "author" })
    .manyToOne(users, { mappedBy: "editor" })
    .manyToOne(users, { mappedBy: "owner", inversedBy: "owned" })
    .manyToMany(tags, { inversedBy: "tagged" }, { weight: number() })
    .polyToMany(media, { mappedBy: "pictures" }),
  relation(users).oneToOne(profiles),
  relation(notes).manyToOne(posts, { mappedBy: "post", required: true }).manyToMany(topics),
  relation(topics).manyToOne(topics, { mappedBy: "parent", inversedBy: "children" }),
  index(posts).on(["title"]),
]);
type Database = (typeof schema)["DB"];
declare module "emstore" {
  interface DB extends Database {}
}
`;

const changes = `
const made = await em.mutator("users").insertOne({
  name: "Ada",
  profiles: { $create: { bio: "b" } },
  posts_author: { $create: [{ title: "one" }, { title: "two", editor: { $create: { name: "Ed" } } }] },
});
const posts = em.mutator("posts");
const ed = await em.mutator("users").insertOne({ name: "Ed2", posts_editor: { $attach: [1] } });
const red = await em.mutator("tags").insertOne({ label: "red", tagged: { $attach: [{ id: 1, meta: { weight: 2 } }] } });
await posts.updateOne(1, { author: { $set: { id: made.id } }, editor_id: ed.id, owner: { $set: null } });
await posts.updateOne(1, { tags: { $attach: [{ id: red.id, at: "first", meta: { weight: 1 } }], $create: { label: "new" } } });
await posts.updateOne(2, { tags: { $set: [1, { id: 2 }], $detach: [2] } });
await em.mutator("users").updateOne(made.id, { owned: { $set: [1, 2], $detach: [2] } });
await em.mutator("notes").insertOne({ body: "by value", post_id: 1 });
await em.mutator("notes").insertOne({ body: "by name", post: { $set: 1 }, topics: { $create: { name: "t", children: { $create: { name: "u" } } } } });
await posts.updateOne(1, { notes: { $create: { body: "under its post" } } });
await em.transaction((tx) => {
  const post = tx.insertOne("posts", { title: "three", author_id: made.id });
  tx.insertOne("notes", { body: "of three", post_id: post });
  tx.insertOne("notes", { body: "of three", post: { $set: post } });
});
`;

const wrongChanges = `
export async function wrong(id: string) {
  const posts = em.mutator("posts");
  // @ts-expect-error: one record, no list
  await posts.updateOne(1, { author: { $attach: [1] } });
  // @ts-expect-error: one record, no list
  await posts.updateOne(1, { author: { $detach: [1] } });
  // @ts-expect-error: one id
  await posts.updateOne(1, { author: { $set: [1] } });
  // @ts-expect-error: the name is required
  await posts.updateOne(1, { author: { $create: { nme: "x" } } });
  // @ts-expect-error: one record to make
  await posts.updateOne(1, { author: { $create: [{ name: "a" }, { name: "b" }] } });
  // @ts-expect-error: users have numbers as ids
  await posts.updateOne(1, { author_id: id });
  // @ts-expect-error: users have numbers as ids
  await posts.updateOne(1, { author: { $set: id } });
  // @ts-expect-error: profiles have uuids
  await em.mutator("users").updateOne(1, { profiles: { $set: 1 } });
  // @ts-expect-error: an id belongs below $set
  await posts.updateOne(1, { author: 1 });
  // @ts-expect-error: no such operator
  await posts.updateOne(1, { tags: { $atach: [1] } });
  // @ts-expect-error: a list of ids
  await posts.updateOne(1, { tags: { $set: 1 } });
  // @ts-expect-error: links have a weight, and nothing else
  await posts.updateOne(1, { tags: { $attach: [{ id: 1, meta: { wight: 1 } }] } });
  // @ts-expect-error: the order is kept from the other side
  await em.mutator("tags").updateOne(1, { tagged: { $attach: [{ id: 1, at: "first" }] } });
  // @ts-expect-error: a value of the other record holds nothing
  await em.mutator("users").updateOne(1, { posts_author: { $attach: [{ id: 1, meta: {} }] } });
  // @ts-expect-error: two relations lead here, and each has a name of its own
  await em.mutator("users").updateOne(1, { posts: { $attach: [1] } });
  // @ts-expect-error: no such end
  await posts.updateOne(1, { autor: { $set: 1 } });
  // @ts-expect-error: a note has a post
  await em.mutator("notes").insertOne({ body: "x" });
  // @ts-expect-error: and not none
  await em.mutator("notes").insertOne({ body: "x", post: { $set: null } });
  // @ts-expect-error: it is the post that this note is made under
  await posts.updateOne(1, { notes: { $create: { body: "x", post: { $set: 2 } } } });
}
`;

const relatedReads = `
export async function reads() {
  const posts = em.repository("posts");
  const { data } = await posts.findOne({
    where: { author_id: 1, "author.name": "Ada" },
    with: { author: { with: { profiles: true } }, tags: { orderBy: "label" }, notes: true, pictures: true, editor: false },
  });
  if (!data) return;
  const author: string | undefined = data.author?.name;
  const bio: string | null | undefined = data.author?.profiles?.bio;
  const key: string | undefined = data.author?.profiles?.id;
  const labels: (string | null)[] = data.tags.map((tag) => tag.label);
  const weight: number | null | undefined = data.tags[0]?.$link?.meta?.weight;
  const post: number | undefined = data.notes[0]?.post_id;
  const authorId: number | null = data.author_id;
  // @ts-expect-error: not asked for
  data.editor.name;
  // @ts-expect-error: not asked for within
  data.author?.posts_author.length;
  const [user] = await em.repository("users").findMany({ with: ["posts_author", "owned", "profiles"] });
  const titles: string[] | undefined = user?.posts_author.map((one) => one.title);
  const children = await em.repository("topics").findId(1, { with: { children: { with: { children: true } }, notes: true } });
  const deep: (string | null)[] | undefined = children.data?.children.flatMap((one) => one.children.map((two) => two.name));
  // @ts-expect-error: no such relation
  await posts.findOne({ where: { id: 1 }, with: { autor: true } });
  // @ts-expect-error: no such relation beside one that is there
  await posts.findMany({ with: { author: true, autor: true } });
  // @ts-expect-error: no such relation
  await posts.findMany({ with: ["autor"] });
  // @ts-expect-error: an id of users is a number
  await posts.findMany({ where: { author_id: "1" } });
  return [author, bio, key, labels, weight, post, authorId, titles, deep];
}
`;

const seen = `
const post = await em.repository("posts").findId(1, {
  with: { author: { with: { profiles: true } }, editor: true, tags: true, notes: { with: "topics" } },
});
if (!post.data) throw new Error("no post");
const shown = {
  author: post.data.author?.name,
  bio: post.data.author?.profiles?.bio,
  editor: post.data.editor?.name,
  tags: post.data.tags.map((tag) => [tag.label, tag.$link?.meta?.weight]),
  notes: post.data.notes.map((note) => [note.body, note.topics.length]),
};
`;

test("relations between entities are typed as the callback of `em` returns them", () => {
  built("related", "related", related + wrongChanges + relatedReads);
});

test("what the types take of relations, the daemon takes, and shows by the same names", async () => {
  const daemon = await Daemon.start();
  const { shown } = run(built("related", "taken", related + changes + seen), daemon.socket);
  assert.deepEqual(shown, {
    author: "Ada",
    bio: "b",
    editor: "Ed2",
    tags: [
      ["red", 1],
      ["new", null],
    ],
    notes: [
      ["by value", 0],
      ["by name", 1],
      ["under its post", 0],
    ],
  });
  assert.equal(await daemon.end(), 0);
});

test("the control: an operator that does not fit a relation does not compile", () => {
  const wrong = `${related}await em.mutator("posts").updateOne(1, { author: { $attach: [1] } });\n`;
  assert.throws(() => built("related", "wrong", wrong), /'\$attach' does not exist in type 'ToOneChange</);
});

test("payloads and rows have the types of the schema", () => {
  built("types", "types", schema + mutations + reads);
});

test("the control: what is wrong does not compile", () => {
  const wrong = `${schema}await em.mutator("posts").updateOne(1, { cover: { $attach: [1] } });\n`;
  assert.throws(() => built("types", "wrong", wrong), /'\$attach' does not exist in type 'ToOneChange<NewMedia/);
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
