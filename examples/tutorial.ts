import { em, EmstoreError, entity, media, medium, number, systemEntity, text } from "emstore";

const schema = em({
  products: entity("products", {
    name: text().required(),
    price: number({ minimum: 0 }),
    thumbnail: medium(),
    gallery: media({ mime_types: ["image/*"] }),
  }),
  pages: entity("pages", { slug: text().required(), images: media() }),
  media: systemEntity("media", { alt: text() }),
}, ({ relation, index }, { products, pages, media }) => {
  relation(products).polyToOne(media, { mappedBy: "thumbnail" }).polyToMany(media, { mappedBy: "gallery" });
  relation(pages).polyToMany(media, { mappedBy: "images" });
  index(products).on(["name"], true);
});

type Database = (typeof schema)["DB"];
declare module "emstore" {
  interface DB extends Database {}
}

const laptop = await em.mutator("products").insertOne({
  name: "Laptop",
  price: 999,
  thumbnail: { $create: { file: "laptop-press.png" } },
  gallery: { $create: [{ file: "laptop-front.png" }, { file: "laptop-night.png", alt: "at night" }] },
});
console.log(`products/${laptop.id}: commit ${laptop.sequence}`);

async function gallery(as_of?: number): Promise<string> {
  const found = await em.repository("products").findId(laptop.id, { with: { gallery: true }, as_of });
  return found.data?.gallery.map((picture) => picture.name).join(" ") ?? "nothing";
}

const keyboard = await em.media.upload("laptop-keyboard.png");
await em.mutator("products").updateOne(laptop.id, {
  gallery: { $attach: [{ id: keyboard.id, at: "first", meta: { caption: "feel it" } }] },
});
console.log(await gallery());

await em.mutator("pages").insertOne({ slug: "welcome", images: { $attach: [keyboard.id] } });
const shared = await em.repository("media").findOne({ where: { id: keyboard.id }, with: { reference: true } });
for (const use of shared.data?.reference ?? []) console.log(`${use.entity}/${use.entity_id}.${use.field}`);

try {
  await em.mutator("products").updateOne(laptop.id, { price: -1, gallery: { $attach: [99] } });
} catch (error) {
  if (!(error instanceof EmstoreError)) throw error;
  for (const { code, path } of error.violations) console.log(`${code} at ${path}`);
}

await em.mutator("products").updateOne(laptop.id, { gallery: { $detach: [keyboard.id] } }, { reason: "blurred" });
console.log(await gallery());
console.log(await gallery(laptop.sequence + 2));

for await (const { sequence, events } of em.log()) {
  console.log(sequence, events?.map((event) => event.kind).filter((kind) => kind !== "request").join(" "));
}
console.log(`equal: ${(await em.verify()).equal}`);
