/** Contents that are read or sent from their first byte to their last, and checked. */
import { createHash } from "node:crypto";
import { EmstoreError } from "./errors.js";

/** Where bytes lie, and what they were when they were stored, if that is known. */
export interface Content {
  readonly blob: string;
  readonly sha256?: string | undefined;
}

/** Of pieces, in their order. */
export class Digest {
  readonly #hash = createHash("sha256");

  take(piece: Uint8Array): void {
    this.#hash.update(piece);
  }

  /** Whether they are the content with this SHA-256, in hex. To be asked once. */
  is(sha256: string | undefined): boolean {
    return this.#hash.digest("hex") === sha256;
  }
}

/**
 * The pieces, of which the last one waits until all are checked: a reader that has come to the end
 * has what was stored. Errors: corrupt_blob.
 */
export async function* checked(
  pieces: AsyncIterable<Uint8Array>,
  { blob, sha256 }: Content,
): AsyncGenerator<Uint8Array, void, undefined> {
  const digest = new Digest();
  let last: Uint8Array | undefined;
  for await (const piece of pieces) {
    if (last) yield last;
    digest.take(piece);
    last = piece;
  }
  if (!digest.is(sha256)) {
    throw new EmstoreError("corrupt_blob", `the bytes at ${blob} are not those that were stored`, {
      hint: "`emstore scrub` sets aside what is damaged; upload the same bytes again, or restore them from a backup",
    });
  }
  if (last) yield last;
}
