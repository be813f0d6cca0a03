/**
 * The bytes of media, up and down: in pieces, several on their way at once. Flow control needs no
 * words of its own: the next piece is read when an answer makes room for it.
 */
import type { Caller } from "./caller.js";
import { EmstoreError, noAnswer } from "./errors.js";
import { openSource, type FileInput, type Source, type StoredBlob } from "./files.js";

/** How many bytes may travel within a request. */
const inlineBytesMax = 64 << 10;
const pieceBytes = 1 << 20;
const piecesInFlight = 8;
const filesAtOnce = 8;
const beginningsMax = 5; // Of one upload.

const isRead = { isMutation: false };

/** What bytes travel over, and how many files do at the same time. */
export class Bulk {
  readonly calls: Caller;
  #free = filesAtOnce;
  readonly #waiting: (() => void)[] = [];

  constructor(calls: Caller) {
    this.calls = calls;
  }

  /** Carries out `work` when there is room. A daemon has 256 unfinished uploads of one user. */
  async withRoom<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free += 1;
    }
  }
}

/** How many bytes one request may still take along; what is over it is uploaded. */
export interface Baggage {
  left: number;
}

/** Half of what a daemon takes at least. */
export const newBaggage = (): Baggage => ({ left: 4 << 20 });

/** A file as a request names it, and what its source says of it. */
export interface StoredFile {
  readonly file: Uint8Array | StoredBlob;
  readonly name?: string | undefined;
  readonly type?: string | undefined;
}

/**
 * Makes a file ready to be named by a request: its bytes when they are few, else its address after
 * having sent them. Errors: invalid_request for what cannot be read, source_changed.
 */
export function store(
  bulk: Bulk,
  file: Exclude<FileInput, StoredBlob>,
  baggage: Baggage,
): Promise<StoredFile> {
  return bulk.withRoom(async () => {
    for (let beginnings = 1; ; beginnings += 1) {
      const source = await openSource(file);
      try {
        return await storeNow(bulk.calls, source, baggage);
      } catch (cause) {
        if (!source.isRepeatable || beginnings === beginningsMax || !isForgotten(cause))
          throw cause;
      }
    }
  });
}

/** A daemon that was killed may have forgotten an upload, or the end of one: it is begun again. */
function isForgotten(cause: unknown): boolean {
  if (!(cause instanceof EmstoreError)) return false;
  return (
    cause.code === "upload_not_found" ||
    (cause.code === "invalid_request" && cause.path === "offset")
  );
}

async function storeNow(bulk: Caller, source: Source, baggage: Baggage): Promise<StoredFile> {
  const about = { name: source.name, type: source.type };
  const pieces = source.pieces(pieceBytes)[Symbol.asyncIterator]();
  const first = await pieces.next();
  if (first.done) return { file: new Uint8Array(0), ...about };
  if (first.value.length <= Math.min(inlineBytesMax, baggage.left)) {
    baggage.left -= first.value.length;
    await pieces.return?.();
    return { file: first.value, ...about };
  }
  return { file: await upload(bulk, source, first.value, pieces), ...about };
}

async function upload(
  bulk: Caller,
  source: Source,
  first: Uint8Array,
  rest: AsyncIterator<Uint8Array>,
): Promise<StoredBlob> {
  const options = source.size === undefined ? [] : [{ size: source.size }];
  const begun = (await bulk.call("blob.begin", options, isRead)) as { token: string };
  const flying: Promise<unknown>[] = [];
  let offset = 0;
  try {
    for (let piece: Uint8Array | null = first; piece;) {
      if (flying.length === piecesInFlight) await flying.shift();
      const sent = bulk.call("blob.write", [begun.token, offset, piece], isRead);
      sent.catch(() => undefined); // Seen when its turn comes.
      flying.push(sent);
      offset += piece.length;
      const next: IteratorResult<Uint8Array> = await rest.next();
      piece = next.done ? null : next.value;
    }
    await Promise.all(flying);
  } finally {
    await rest.return?.();
  }
  const stored = (await bulk.call("blob.commit", [begun.token], isRead)) as { blob: string };
  return { blob: stored.blob };
}

export interface Range {
  readonly offset?: number;
  /** To the end when left out. */
  readonly length?: number;
}

interface Piece {
  readonly bytes: Uint8Array;
  readonly size: number;
}

function pieceOf(answer: unknown): Piece {
  const piece = answer as Piece;
  if (piece.bytes instanceof Uint8Array && typeof piece.size === "number") return piece;
  throw noAnswer("blob.read", "bytes and their size");
}

/** The bytes at an address, in order. */
export async function* fetch(
  { calls }: Bulk,
  address: string,
  range: Range = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const ask = (at: number, length: number) => {
    const piece = calls.call("blob.read", [address, at, length], isRead).then(pieceOf);
    piece.catch(() => undefined); // Seen when its turn comes.
    return piece;
  };
  const start = range.offset ?? 0;
  const wanted = range.length ?? Infinity;
  const first = await ask(start, Math.min(pieceBytes, wanted));
  yield first.bytes;
  const end = Math.min(first.size, start + wanted);
  let at = start + pieceBytes;
  const flying: Promise<Piece>[] = [];
  for (;;) {
    for (; flying.length < piecesInFlight && at < end; at += pieceBytes) {
      flying.push(ask(at, Math.min(pieceBytes, end - at)));
    }
    const next = flying.shift();
    if (!next) return;
    yield (await next).bytes;
  }
}
