// What the page takes for granted: files that somebody uploads, and media that are there already.
// Each file is given in another form that `file` may have.
import { Blob, File } from "node:buffer";
import { createReadStream, readFileSync } from "node:fs";
import { app, em } from "emstore";

const shop = (name: string) => `${process.env.SHOP}/${name}`;

const bytes = readFileSync(shop("laptop-front.png"));
export const uploadedFile = new File([bytes], "front.png", { type: "image/png" });
export const image1 = shop("laptop-front.png");
export const image2 = readFileSync(shop("laptop-keyboard.png"));
export const image3 = new Blob([readFileSync(shop("laptop-night.png"))], { type: "image/png" });
export const file1 = new URL(`file://${shop("mug-blue.png")}`);
export const file2 = createReadStream(shop("mug-red.png"));
export const file = createReadStream(shop("workplace.png"));
export const thumbFile = shop("laptop-press.png");
export const manualFile = shop("laptop-manual.pdf");
export const warrantyFile = Buffer.from("Two years, from the day on the receipt.\n");

async function mediaNamed(name: string): Promise<number> {
  const found = await em.repository("media").findOne({ where: { name } });
  return found.data ? found.data.id : (await app.module.media.upload(shop("chair.png"), name)).id;
}

export const mediaId = await mediaNamed("media");
export const mediaId1 = await mediaNamed("media 1");
export const mediaId2 = await mediaNamed("media 2");
export const mediaId4 = await mediaNamed("media 4");
/** The third image of the product that the page makes: something that can be detached. */
export const mediaId3 = mediaId4 + 3;
