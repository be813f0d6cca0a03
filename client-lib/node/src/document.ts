/**
 * What a program passes, made ready for the wire: checked for what has no form there, copied, with
 * files in place of what stands for them. Names and defaults are the daemon's to resolve.
 */
import { EmstoreError } from "./errors.js";
import { heed, isFile, type FileInput, type StoredBlob } from "./files.js";
import { Time } from "./time.js";
import type { StoredFile } from "./transfer.js";

const depthMax = 64;

/** Turns what stands for a file into what a request names. */
export type Storing = (file: Exclude<FileInput, StoredBlob>) => Promise<StoredFile>;

interface Job {
  readonly file: Exclude<FileInput, StoredBlob>;
  readonly path: string;
  readonly done: (stored: StoredFile) => void;
}

/** What is being copied: where it is, and what it may hold. */
interface Place {
  readonly path: string;
  readonly depth: number;
  /** Whether a string named `file` is a path: in an item of `$create`, in a media record. */
  readonly makesMedia: boolean;
}

type PlainMap = Record<string, unknown>;

/**
 * A document as it was when it was passed, its files still to be stored. Bytes are not copied: they
 * are the caller's to leave alone until the answer has come.
 */
export class Draft {
  readonly #copy: unknown;
  readonly #jobs: readonly Job[];

  private constructor(copy: unknown, jobs: readonly Job[]) {
    this.#copy = copy;
    this.#jobs = jobs;
  }

  /** `makesMedia`: it is a media record itself. Errors have the path within the document. */
  static of(document: unknown, place: Partial<Place> = {}): Draft {
    const jobs: Job[] = [];
    const copy = new Copier(jobs).value(document, {
      path: "",
      depth: 0,
      makesMedia: false,
      ...place,
    });
    return new Draft(copy, jobs);
  }

  static ofList(drafts: readonly Draft[]): Draft {
    return new Draft(
      drafts.map((draft) => draft.#copy),
      drafts.flatMap((draft) => draft.#jobs),
    );
  }

  /** What is sent. Asked for once. */
  async stored(storing: Storing): Promise<unknown> {
    await Promise.all(this.#jobs.map((job) => run(job, storing)));
    return this.#copy;
  }
}

/** Values that name no files: conditions, options, ids. In them, undefined is refused. */
export function plain(value: unknown, path: string): unknown {
  return new Copier(null).value(value, { path, depth: 0, makesMedia: false });
}

async function run(job: Job, storing: Storing): Promise<void> {
  try {
    job.done(await storing(job.file));
  } catch (cause) {
    if (!(cause instanceof EmstoreError)) throw cause;
    const { hint, retryable } = cause;
    throw new EmstoreError(cause.code, cause.message, { path: job.path, hint, retryable, cause });
  }
}

class Copier {
  readonly #jobs: Job[] | null; // Null: no files here.

  constructor(jobs: Job[] | null) {
    this.#jobs = jobs;
  }

  value(value: unknown, place: Place): unknown {
    switch (typeof value) {
      case "string":
        return wellFormed(value, place.path);
      case "number":
        return finite(value, place.path);
      case "boolean":
        return value;
      case "bigint":
        return narrowed(value, place.path);
      case "object":
        return value === null ? null : this.#structure(value, place);
      default:
        return refuse(place.path, `${typeof value} has no form on the wire`);
    }
  }

  #structure(value: object, place: Place): unknown {
    if (place.depth > depthMax) {
      throw new EmstoreError("depth_exceeded", `lists and maps more than ${depthMax} deep`, {
        path: place.path.slice(0, 80),
        hint: "nest less deeply",
      });
    }
    if (Array.isArray(value)) return this.#list(value, place);
    if (value instanceof Date) return Time.copyOf(valid(value, place.path));
    if (value instanceof Uint8Array) return value;
    if (isMap(value)) return this.#map(value, place);
    return refuse(place.path, `a ${value.constructor.name} has no form on the wire`);
  }

  #list(list: readonly unknown[], place: Place): unknown[] {
    const { depth, makesMedia } = place;
    return list.map((item, i) =>
      this.value(item, { path: `${place.path}[${i}]`, depth: depth + 1, makesMedia }),
    );
  }

  #map(map: PlainMap, place: Place): PlainMap {
    const copy: PlainMap = Object.create(null); // No name is special.
    for (const [name, member] of Object.entries(map)) {
      const path = place.path ? `${place.path}.${name}` : name;
      if (member === undefined) {
        if (this.#jobs) continue; // Of a document: left out.
        refuse(path, "undefined would ask nothing", "leave it out, or say null");
      }
      if (this.#jobs && name === "file" && standsForFile(member, place.makesMedia)) {
        copy[name] = null; // Keeps its place among the names.
        heed(member);
        this.#jobs.push({ file: member, path, done: (stored) => nameFile(copy, stored) });
        continue;
      }
      const makesMedia = name === "$create";
      copy[wellFormed(name, path)] = this.value(member, {
        path,
        depth: place.depth + 1,
        makesMedia,
      });
    }
    return copy;
  }
}

function standsForFile(
  value: unknown,
  makesMedia: boolean,
): value is Exclude<FileInput, StoredBlob> {
  return isFile(value) || (makesMedia && typeof value === "string");
}

/** Puts a stored file into the map that named it; what the map says itself stays. */
function nameFile(map: PlainMap, stored: StoredFile): void {
  map.file = stored.file;
  if (stored.name !== undefined && !("name" in map)) map.name = stored.name;
  if (stored.type !== undefined && !("type" in map)) map.type = stored.type;
}

function isMap(value: object): value is PlainMap {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function narrowed(integer: bigint, path: string): number {
  const number = Number(integer);
  return Number.isSafeInteger(number) ? number : refuse(path, `${integer} is beyond 2^53`);
}

function finite(number: number, path: string): number {
  return Number.isFinite(number) ? number : refuse(path, `${number} is no number of the wire`);
}

function valid(date: Date, path: string): Date {
  return Number.isNaN(date.getTime()) ? refuse(path, "an invalid Date is no time") : date;
}

const loneSurrogate = /\p{Surrogate}/u;

function wellFormed(text: string, path: string): string {
  return loneSurrogate.test(text) ? refuse(path, "half a surrogate pair is no text") : text;
}

function refuse(path: string, reason: string, hint?: string): never {
  throw new EmstoreError("wrong_type", reason, {
    path,
    hint: hint ?? "send a value of the field's type",
  });
}
