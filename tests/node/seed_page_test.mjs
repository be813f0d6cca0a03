// The page "Entity-Media Relationships", block by block, as TypeScript against real daemons and with
// real files. Every block is type-checked strictly and run in a process of its own, in the page's
// order; what it did is seen through the command line, which is the C++ client's. Ends with a table:
// the block, what the page says, what happened.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { halves } from "./page.mjs";
import { blocks, built, prelude, run, served, work } from "./page_runner.mjs";
import { commandLine, Daemon, environment, packageFolder, shop } from "./support.mjs";

const daemons = new Map();
const table = [];

after(async () => {
  for (const daemon of daemons.values()) assert.equal(await daemon.end(), 0);
  console.log(`\nThe prelude, which every block may import from:\n\n${prelude}`);
  console.log("| block | line | the page says | what happened |\n|---|---|---|---|");
  for (const { number, line, says, happened } of table) {
    console.log(`| ${number} | ${line} | ${says} | ${happened} |`);
  }
  assert.deepEqual(
    table.map(({ number }) => number),
    blocks.map(({ number }) => number),
    "every block of the page has run, in order",
  );
});

// ---- Seen from outside --------------------------------------------------------------------------

/** The store of one section of the page. */
class Store {
  constructor(socket) {
    this.socket = socket;
  }
  cli(...words) {
    return commandLine(this.socket, ...words);
  }
  find(entity, id, ...fields) {
    return this.cli("find", entity, id, ...fields.flatMap((field) => ["--with", field]))[0];
  }
  ids(entity, id, field) {
    return this.find(entity, id, field)[field].map((media) => media.id);
  }
  uses(id) {
    return this.find("media", id, "reference").reference.map((use) => `${use.entity}/${use.entity_id}.${use.field}`);
  }
  fields(entity) {
    return Object.keys(this.cli("schema", "show")[0].entities[entity].fields);
  }
  /** What each commit from `sequence` on added to links and removed from them. */
  linkChanges(sequence) {
    const ids = (links) => links.map((link) => link.id).join(" ");
    return this.cli("log", "--from", sequence)
      .flatMap((commit) => commit.events)
      .filter((event) => event.kind === "links_changed")
      .map((event) => `+${ids(event.added)} -${ids(event.removed)}`);
  }
  /** That the medium has the bytes of that file of the shop. */
  holds(id, name) {
    const { blob } = this.find("media", id);
    const settings = { env: environment({ EMSTORE_SOCKET: this.socket }) };
    const bytes = execFileSync(process.env.EMSTORE_CLI, ["media", "get", blob, "-o", "-"], settings);
    assert.deepEqual(bytes, readFileSync(join(shop, name)), name);
  }
}

async function storeOf(section) {
  if (!daemons.has(section)) daemons.set(section, await Daemon.start(join(work, `store-${section}`)));
  return new Store(daemons.get(section).socket);
}

// ---- Blocks -------------------------------------------------------------------------------------

/** One block: `happens` runs it, and answers what to write into the table. */
function block(number, says, happens) {
  const { line, text } = blocks[number - 1];
  test(`block ${number}, line ${line}: ${says}`, async () => {
    const row = { number, line, says, happened: "failed" };
    table.push(row);
    row.happened = await happens(text);
  });
}

/** Runs a block against the daemon of its section; `seen` looks at what it declared, and outside. */
function usage(number, section, says, seen, before = () => undefined) {
  block(number, says, async (text) => {
    const store = await storeOf(section);
    before(store);
    return seen(store, run(built(section, `block-${number}`, text), store.socket));
  });
}

function definition(number, section, says, fields) {
  usage(number, section, says, (store) => {
    for (const [entity, names] of Object.entries(fields)) {
      for (const name of names) assert.ok(store.fields(entity).includes(name), `${entity}.${name}`);
    }
    const all = Object.entries(fields).map(([entity, names]) => `${entity} (${names.join(", ")})`);
    return `the schema is in force: ${all.join("; ")}`;
  });
}

block(1, "enables media, kept in ./uploads", async (text) => {
  const folder = join(work, "serve-1");
  return served(built("serve", "block-1", text), folder, ({ socket, isOurs }) => {
    assert.ok(isOurs);
    const large = join(packageFolder, "node_modules", "typescript", "lib", "typescript.js");
    const [put] = commandLine(socket, "media", "put", large);
    const name = put.blob.split(":")[1].split(".")[0];
    const found = execFileSync("find", [join(folder, "uploads"), "-type", "f", "-size", "+64k"], { encoding: "utf8" });
    assert.ok(found.trim() !== "", `a file for ${name}`);
    return "a private daemon was started; a large file lies in ./uploads";
  });
});

definition(2, "cover", "defines posts with one cover", { posts: ["title", "content", "cover"] });

usage(3, "cover", "a post with its cover; another cover; a query with it", (store, { post, postWithCover }) => {
  assert.deepEqual([post.id, post.title, post.content], [1, "My Post", "..."]);
  const { cover } = store.find("posts", 1, "cover");
  assert.equal(cover.name, "media");
  assert.equal(postWithCover.cover.id, cover.id);
  const [first] = store.cli("find", "media", "--where", "name=front.png");
  store.holds(first.id, "laptop-front.png");
  assert.deepEqual(store.uses(first.id), []);
  assert.deepEqual(store.uses(cover.id), ["posts/1.cover"]);
  return `posts/1 had media ${first.id} as its cover, now ${cover.id}, which the query shows; the first stays as a medium`;
});

definition(4, "images", "defines products with images", { products: ["name", "description", "images"] });

usage(
  5,
  "images",
  "three images; adds, removes, replaces; a query, newest first",
  (store, { product, productWithImages }) => {
    assert.deepEqual([product.id, product.name], [1, "Awesome Product"]);
    ["laptop-front.png", "laptop-keyboard.png", "laptop-night.png"].forEach((name, i) => store.holds(5 + i, name));
    assert.deepEqual(store.linkChanges(1), ["+5 6 7 -", "+2 3 -", "+ -7", "+4 -5 6 3"]);
    assert.deepEqual(store.ids("products", 1, "images"), [2, 4]);
    assert.deepEqual(
      productWithImages.images.map(({ id }) => id),
      [4, 2],
    );
    return "5 6 7, then 5 6 7 2 3, then 5 6 2 3, then 2 4: one commit each; the query: 4 2";
  },
);

definition(6, "shared", "defines posts and pages with images", { posts: ["images"], pages: ["slug", "images"] });

usage(
  7,
  "shared",
  "one upload, attached to a post and to a page; its uses",
  (store, { media, mediaUsage }) => {
    store.holds(media.id, "workplace.png");
    assert.equal(media.name, "workplace.png");
    assert.deepEqual(store.ids("posts", 1, "images"), [media.id]);
    assert.deepEqual(store.ids("pages", 1, "images"), [media.id]);
    assert.deepEqual(store.uses(media.id).sort(), ["pages/1.images", "posts/1.images"]);
    const uses = mediaUsage.reference.map(({ entity, field, entity_id }) => `${entity}/${entity_id}.${field}`);
    assert.deepEqual(uses.sort(), ["pages/1.images", "posts/1.images"]);
    return `media ${media.id} is in both galleries, stored once; the query tells both uses`;
  },
  (store) => {
    store.cli("insert", "posts", "title=Given");
    store.cli("insert", "pages", "slug=given");
  },
);

usage(
  8,
  "both",
  "creates media and links them, in one operation",
  (store) => {
    const { cover, images } = store.find("posts", 1, "cover", "images");
    store.holds(cover.id, "laptop-front.png");
    images.forEach(({ id }, i) => store.holds(id, ["mug-blue.png", "mug-red.png"][i]));
    const [last] = store.cli("log").slice(-1);
    assert.equal(last.events.filter((event) => event.kind === "media_created").length, 3);
    return `cover ${cover.id} and images ${images.map(({ id }) => id).join(" ")}, in one commit`;
  },
  (store) => {
    run(built("both", "apply", 'export * from "./given.js";\n'), store.socket);
    store.cli("insert", "posts", "title=Given");
  },
);

usage(
  9,
  "cover",
  "replaces the one media",
  (store) => {
    const { cover } = store.find("posts", 1, "cover");
    assert.equal(cover.name, "media");
    return `posts/1 had no cover, now media ${cover.id}`;
  },
  (store) => store.cli("call", "updateOne", '"posts"', "1", '{"cover": {"$set": null}}'),
);

usage(10, "images", "replaces all media", (store) => {
  assert.deepEqual(store.ids("products", 1, "images"), [2, 3, 7]);
  return "2 4 became 2 3 7";
});

usage(
  11,
  "images",
  "adds media without removing what is there",
  (store) => {
    assert.deepEqual(store.ids("products", 1, "images"), [7, 2, 3]);
    return "7 became 7 2 3";
  },
  (store) => store.cli("detach", "products", 1, "images", 2, 3),
);

usage(
  12,
  "images",
  "removes specific media (UNKNOWN: whether it is supported)",
  (store) => {
    assert.deepEqual(store.ids("products", 1, "images"), [2, 3]);
    assert.deepEqual(store.uses(7), []);
    return "supported: 7 2 3 4 became 2 3; the media stay";
  },
  (store) => store.cli("attach", "products", 1, "images", 4),
);

// The configuration is served as it stands; what follows it runs against that daemon.
const shopFolder = join(work, "serve-13");

block(13, "a whole configuration: a product with thumbnail, gallery, documents", async (text) =>
  served(built("shop", "block-13", text), shopFolder, ({ socket }) => {
    const names = ["name", "description", "price", "thumbnail", "gallery", "documents"];
    const fields = new Store(socket).fields("products");
    assert.deepEqual(
      names.filter((name) => !fields.includes(name)),
      [],
    );
    return "served by a private daemon, which has the schema";
  }),
);

block(14, "a product with all its media; a query of all, documents by type", async (text) =>
  served(built("shop", "block-13", blocks[12].text), shopFolder, ({ socket }) => {
    const store = new Store(socket);
    const { product, fullProduct } = run(built("shop", "block-14", text), socket);
    const seen = store.find("products", product.id, "thumbnail", "gallery", "documents");
    assert.deepEqual([seen.name, seen.price], ["Laptop", 999]);
    store.holds(seen.thumbnail.id, "laptop-press.png");
    ["laptop-front.png", "laptop-keyboard.png", "laptop-night.png"].forEach((name, i) =>
      store.holds(seen.gallery[i].id, name),
    );
    const ids = (list) => list.map(({ id }) => id);
    assert.deepEqual(ids(fullProduct.gallery), ids(seen.gallery).reverse());
    assert.deepEqual(
      seen.documents.map((one) => one.mime_type),
      ["application/pdf", "text/plain"],
    );
    assert.deepEqual(ids(fullProduct.documents), ids(seen.documents.slice(0, 1))); // The manual alone.
    assert.equal(fullProduct.thumbnail.id, seen.thumbnail.id);
    const [last] = store.cli("log").slice(-1);
    assert.equal(last.events.filter((event) => event.kind === "media_created").length, 6);
    return `products/${product.id} with 1, ${seen.gallery.length} and ${seen.documents.length} media in one commit; the query shows them, the gallery newest first, of the documents the pdf`;
  }),
);

block(15, "wrong: without `with` no media; correct: with it", async (text) => {
  const store = await storeOf("cover");
  const [wrong, correct] = halves(text).map(
    (half, i) => run(built("cover", `block-15-${i + 1}`, half), store.socket).post,
  );
  assert.equal(wrong.title, "My Post");
  assert.ok(!("cover" in wrong));
  assert.equal(correct.cover.id, store.find("posts", 1, "cover").cover.id);
  return `two halves: the first post has no cover in it, the second has media ${correct.cover.id}`;
});

block(16, "a relation, and the field that it maps", async (text) => {
  const [relation, field] = text.split("\n\n");
  const inSchema = `const schema = em({
  posts: entity("posts", {
    ${field}
  }),
  media: systemEntity("media", {}),
}, ({ relation }, { posts, media }) => {
  ${relation}
});
`;
  const store = await storeOf("fragment");
  run(built("fragment", "block-16", inSchema), store.socket);
  assert.ok(store.fields("posts").includes("cover"));
  return "within a schema: it is in force";
});

// ---- Troubleshooting: each mistake gets an error that names the cure ------------------------------

async function refused(section, name, text) {
  const store = await storeOf(section);
  const kept = `let refusal: object | undefined;
try {
  ${text}
} catch (cause) {
  const { code, path, message, hint, violations } = cause as EmstoreError;
  refusal = { code, path, message, hint, all: JSON.stringify(violations) };
}
`;
  const module = `import { em, entity, text, medium, systemEntity, EmstoreError } from "emstore";\n${kept}`;
  return run(built(section, name, module), store.socket).refusal;
}

test('"Media not appearing in queries": asking for a field as if it were a value leads to `with`', async () => {
  const error = await refused(
    "cover",
    "mistake-1",
    'await em.repository("posts").findOne({ where: { id: 1 }, select: ["cover"] });',
  );
  assert.equal(error.code, "wrong_operation");
  assert.match(error.hint, /with: \{"cover": true\}/);
  const misspelt = await refused(
    "cover",
    "mistake-1b",
    'await em.repository("posts").findOne({ where: { id: 1 }, with: { covr: true } });',
  );
  assert.equal(misspelt.code, "unknown_relation");
  assert.match(misspelt.hint, /did you mean "cover"/);
});

test('"Relation not working": a field without a relation, and a mappedBy without a field, are named', async () => {
  const schema = (rules) => `em({
    posts: entity("posts", { title: text(), cover: medium() }), media: systemEntity("media", {}),
  }, ({ relation }, { posts, media }) => { ${rules} }); await em.ping();`;
  const missing = await refused("mistakes", "mistake-2", schema(""));
  assert.equal(missing.code, "invalid_schema");
  assert.match(missing.message + missing.path, /cover/);
  assert.match(missing.hint, /mappedBy/);
  const wrong = await refused(
    "mistakes",
    "mistake-2b",
    schema('relation(posts).polyToOne(media, { mappedBy: "covers" });'),
  );
  assert.match(wrong.message, /no field "covers" on posts/);
  assert.match(wrong.hint + wrong.all, /"cover/);
});

test('"Can\'t attach/detach media": $attach and $detach on a medium() name $set', async () => {
  for (const [operator, cure] of [
    ["$attach", '"$set"'],
    ["$detach", '{"$set": null}'],
  ]) {
    const loose = `const posts: string = "posts"; await em.mutator(posts).updateOne(1, { cover: { ${operator}: [1] } });`;
    const error = await refused("cover", `mistake-3${operator.slice(1)}`, loose);
    assert.equal(error.code, "wrong_operation");
    assert.equal(error.path, `cover.${operator}`);
    assert.ok(error.hint.includes(cure), error.hint);
  }
});
