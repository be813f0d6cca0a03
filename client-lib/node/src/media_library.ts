/** Media as such: their records, and the bytes behind them. */
import { randomBytes } from "node:crypto";
import { openSync } from "node:fs";
import { constants, open, readlink, rename, rm, stat } from "node:fs/promises";
import { Socket } from "node:net";
import { dirname, isAbsolute } from "node:path";
import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { cancelled, refuseAborted, unlessAborted, withoutSignal, type Abortable } from "./abort.js";
import { Draft } from "./document.js";
import { EmstoreError } from "./errors.js";
import type { FileInput } from "./files.js";
import type { MutationOptions, Requests } from "./requests.js";
import { mutated, type Mutation } from "./results.js";
import type { MediaRow } from "./rows.js";
import { fetch, type Range } from "./transfer.js";
import { checked, type Content } from "./whole.js";

/** A media: its id, its record, or the address of its bytes. */
export type MediaRef = number | string | Content | { readonly id: number };

const linksMax = 40; // As many as Linux follows.
const writeInto = constants.O_WRONLY | constants.O_NOCTTY;
const pauseOfPipes = 20; // Milliseconds between two looks for who reads one.

export class MediaLibrary<Row = MediaRow> {
  readonly #requests: Requests;

  constructor(requests: Requests) {
    this.#requests = requests;
  }

  /** Makes a media record of a file. `fields`: its name, and what the schema adds. */
  async upload(
    file: FileInput,
    fields: string | Record<string, unknown> = {},
    options?: MutationOptions,
  ): Promise<Mutation<Row & { id: number }>> {
    const record = typeof fields === "string" ? { name: fields } : fields;
    const document = Draft.of({ ...record, file }, { makesMedia: true });
    return mutated(await this.#requests.mutate("insertOne", ["media", document], { ...options }));
  }

  /**
   * The bytes, as a stream. All of a media that is named by its id or its record are held against its
   * SHA-256: corrupt_blob in the place of the last of them when they are not those that were stored.
   * Parts, and bytes that are named by their address alone, are given as the daemon has them.
   */
  stream(media: MediaRef, range?: Range): Readable {
    return Readable.from(this.#pieces(media, range), { objectMode: false });
  }

  /** The bytes, all of them in memory. Checked as those of a stream. */
  async read(media: MediaRef, range?: Range): Promise<Buffer> {
    const pieces: Uint8Array[] = [];
    for await (const piece of this.#pieces(media, range)) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  /**
   * Writes the bytes to a file; it is there whole or not at all. Where a symbolic link leads to, when
   * the path is one. A pipe or a device stays what it is: bytes go into it as they come. Checked as
   * those of a stream: where they are wrong there is no file. Errors: invalid_request for a path that
   * cannot be written.
   */
  async save(media: MediaRef, path: string, options: Abortable = {}): Promise<void> {
    const { signal } = withoutSignal(options);
    try {
      await this.#save(media, path, signal);
    } catch (cause) {
      throw notWritten(path, cause);
    }
  }

  async #save(media: MediaRef, path: string, signal: AbortSignal | undefined): Promise<void> {
    const kind = await kindOf(path);
    if (kind === "pipe") return this.#write(media, openPipe(path, signal), signal);
    if (kind === "other") {
      // A device may be waited for, and no signal ends that.
      return unlessAborted(signal, this.#write(media, openFile(path, writeInto), signal));
    }
    const target = await ledTo(path);
    const partial = `${target}.${randomBytes(8).toString("hex")}.part`; // Of this call alone.
    try {
      await this.#write(media, openFile(partial, "wx"), signal);
      await rename(partial, target);
    } catch (cause) {
      await rm(partial, { force: true });
      throw cause;
    }
  }

  async #write(
    media: MediaRef,
    opened: Promise<Writable>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const into = await opened;
    try {
      await pipeline(this.stream(media, { signal }), into, { signal });
    } catch (cause) {
      throw signal?.aborted ? cancelled(signal) : cause;
    }
  }

  async *#pieces(media: MediaRef, range?: Range): AsyncGenerator<Uint8Array, void, undefined> {
    const content = await this.#content(media, withoutSignal(range ?? {}).signal);
    const pieces = fetch(this.#requests.bulk, content.blob, range);
    const isWhole = !range?.offset && range?.length === undefined;
    yield* isWhole && content.sha256 ? checked(pieces, content) : pieces;
  }

  async #content(media: MediaRef, signal: AbortSignal | undefined): Promise<Content> {
    if (typeof media === "string") return { blob: media };
    if (typeof media === "object" && "blob" in media) return media;
    const id = typeof media === "object" ? media.id : media;
    const asked = ["media", id, { select: ["blob", "sha256"] }];
    const answer = await this.#requests.read("findId", asked, signal);
    const row = (answer as { data: Content | null }).data;
    if (row) return row;
    throw new EmstoreError("media_not_found", `media ${id} does not exist`, { path: "id" });
  }
}

/** What the system says of the path that the caller gave; other errors are as they are. */
function notWritten(path: string, cause: unknown): unknown {
  const { syscall, message } = cause as Partial<NodeJS.ErrnoException>;
  if (cause instanceof EmstoreError || syscall === undefined) return cause;
  const [reason] = String(message).split(", "); // What follows is the name of the partial file.
  return new EmstoreError("invalid_request", `cannot write ${path}: ${reason}`, {
    hint: "name a place that can be written to",
    cause,
  });
}

/** What bytes are written to; where nothing is, a file can be. */
async function kindOf(path: string): Promise<"file" | "pipe" | "other"> {
  try {
    const facts = await stat(path);
    return facts.isFile() ? "file" : facts.isFIFO() ? "pipe" : "other";
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === "ENOENT" ? "file" : "other";
  }
}

async function openFile(path: string, flags: string | number): Promise<Writable> {
  return (await open(path, flags)).createWriteStream();
}

/** Opens a pipe once somebody reads it. No thread waits for that, nor for room in it: no signal would end it. */
async function openPipe(path: string, signal: AbortSignal | undefined): Promise<Writable> {
  for (;;) {
    refuseAborted(signal);
    try {
      const fd = openSync(path, writeInto | constants.O_NONBLOCK);
      return new Socket({ fd, readable: false, writable: true });
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "ENXIO") throw cause;
    }
    await unlessAborted(signal, new Promise((resolve) => setTimeout(resolve, pauseOfPipes)));
  }
}

/** Where a symbolic link leads to, be it there or not; other names are their own. */
async function ledTo(path: string): Promise<string> {
  for (let links = 0; links < linksMax; links += 1) {
    const next = await readlink(path).catch(() => null);
    if (next === null) break;
    // Not made simpler: `..` of a folder that is a link is not the folder it stands in.
    path = isAbsolute(next) ? next : `${dirname(path)}/${next}`;
  }
  return path;
}
