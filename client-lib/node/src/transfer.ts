/**
 * The bytes of media, up and down: in pieces, several on their way at once. Flow control needs no
 * words of its own: the next piece is read when an answer makes room for it.
 */
import { cancelled, onAbort, refuseAborted, unlessAborted, type Abortable } from "./abort.js";
import type { Caller } from "./caller.js";
import { EmstoreError, noAnswer } from "./errors.js";
import { openSource, type FileInput, type Source, type StoredBlob } from "./files.js";
import { Digest, type Content } from "./whole.js";

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
  async withRoom<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    refuseAborted(signal);
    if (this.#free > 0) this.#free -= 1;
    else await this.#room(signal);
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free += 1;
    }
  }

  #room(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const enter = () => {
        forget();
        resolve();
      };
      const forget = onAbort(signal, () => {
        this.#waiting.splice(this.#waiting.indexOf(enter), 1);
        reject(cancelled(signal!));
      });
      this.#waiting.push(enter);
    });
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
 * having sent them. Errors: invalid_request for what cannot be read, source_changed, corrupt_blob
 * when what was stored is not what was sent, cancelled.
 */
export function store(
  bulk: Bulk,
  file: Exclude<FileInput, StoredBlob>,
  baggage: Baggage,
  signal?: AbortSignal,
): Promise<StoredFile> {
  return bulk.withRoom(signal, async () => {
    for (let beginnings = 1; ; beginnings += 1) {
      const source = await openSource(file);
      try {
        return await storeNow(bulk.calls, source, baggage, signal);
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

async function storeNow(
  bulk: Caller,
  source: Source,
  baggage: Baggage,
  signal: AbortSignal | undefined,
): Promise<StoredFile> {
  const about = { name: source.name, type: source.type };
  const pieces = source.pieces(pieceBytes)[Symbol.asyncIterator]();
  const next = () => unlessAborted(signal, pieces.next());
  try {
    const first = await next();
    if (first.done) return { file: new Uint8Array(0), ...about };
    if (first.value.length <= Math.min(inlineBytesMax, baggage.left)) {
      baggage.left -= first.value.length;
      return { file: first.value, ...about };
    }
    return { file: await upload(bulk, source.size, first.value, next, signal), ...about };
  } finally {
    const left = pieces.return?.();
    if (!signal?.aborted) await left;
    else leave(source, left);
  }
}

/** Who has taken it back does not wait for a piece that may never come. */
function leave(source: Source, left: Promise<unknown> | undefined): void {
  source.abandon?.();
  left?.catch(() => undefined); // It is not asked for any more.
}

async function upload(
  bulk: Caller,
  size: number | undefined,
  first: Uint8Array,
  next: () => Promise<IteratorResult<Uint8Array>>,
  signal: AbortSignal | undefined,
): Promise<StoredBlob> {
  const ask = (method: string, ...params: unknown[]) =>
    bulk.call(method, params, { ...isRead, signal });
  const options = size === undefined ? [] : [{ size }];
  const begun = (await ask("blob.begin", ...options)) as { token: string };
  const digest = new Digest();
  const flying: Promise<unknown>[] = [];
  let offset = 0;
  for (let piece: Uint8Array | null = first; piece;) {
    if (flying.length === piecesInFlight) await flying.shift();
    const sent = ask("blob.write", begun.token, offset, piece);
    sent.catch(() => undefined); // Seen when its turn comes.
    flying.push(sent);
    digest.take(piece);
    offset += piece.length;
    const step = await next();
    piece = step.done ? null : step.value;
  }
  await Promise.all(flying);
  const { blob, sha256 } = (await ask("blob.commit", begun.token)) as Required<Content>;
  // Of what came before a restart the daemon knows nothing but that it is there, and it can rot.
  if (!digest.is(sha256)) {
    throw new EmstoreError("corrupt_blob", "other bytes were stored than were sent", {
      hint: "store the file again",
    });
  }
  return { blob };
}

export interface Range extends Abortable {
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
  { signal, ...range }: Range = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const ask = (at: number, length: number) => {
    const params = [address, at, length];
    const piece = calls.call("blob.read", params, { ...isRead, signal }).then(pieceOf);
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
    const { bytes } = await next;
    refuseAborted(signal);
    yield bytes;
  }
}
