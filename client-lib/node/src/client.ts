/** One store, as a program sees it. */
import { cancelled, unlessAborted, withoutSignal, type Abortable } from "./abort.js";
import type { Hello } from "./caller.js";
import type { DB } from "./database.js";
import { differences, type Difference, type DiffOptions } from "./diff.js";
import { plain } from "./document.js";
import { EmstoreError, noAnswer, unknownOutcome } from "./errors.js";
import { Feed, type FeedOptions } from "./feed.js";
import { commitOf, commits, type Commit, type LogQuery } from "./log.js";
import { MediaLibrary } from "./media_library.js";
import { Mutator } from "./mutator.js";
import { Repository } from "./repository.js";
import { Requests, withoutUndefined, type MutationOptions } from "./requests.js";
import { listIn, transacted } from "./results.js";
import type { AnyRow, MediaRow } from "./rows.js";
import type { Schema, SchemaDocument } from "./schema.js";
import { defaultSocket } from "./socket_path.js";
import { Transaction } from "./transaction.js";

export interface ClientOptions {
  /**
   * The daemon's socket. Left out or empty: where a daemon of the same environment listens, which is
   * $EMSTORE_SOCKET, else $XDG_RUNTIME_DIR/emstore/sock, else $EMSTORE_DATA/sock; the system's, at
   * /run/emstore/sock, when none of these is set or there is no such socket.
   */
  socket?: string;
  /** Applied before the first request. What would destroy data is refused. */
  schema?: Schema<any> | SchemaDocument;
  /** After a lost connection: how long to repeat without an answer, in ms. Usually 10,000. */
  retryFor?: number;
  /**
   * Silent for so long while an answer is due, a connection is lost; in ms. Usually 60,000. Not while
   * it applies a schema or completes an upload, which may take longer.
   */
  timeout?: number;
  /** Gives every mutation a request key, so that a repeated one happens once. Usually true. */
  requestKeys?: boolean;
  /** What `hello` says of this program. */
  clientName?: string;
}

export interface ApplyOptions extends MutationOptions {
  /** Only say what would change. */
  dry_run?: boolean;
  /** Also drop fields and entities, with what they hold. */
  allow_destructive?: boolean;
}

export interface Applied {
  readonly sequence: number;
  readonly version: number;
  readonly changed: boolean;
  readonly difference: readonly string[];
}

export interface SchemaInForce {
  readonly version: number;
  readonly schema: SchemaDocument;
  readonly indexes: readonly { readonly name: string; readonly state: string }[];
}

/** A content by what it is, not by where it lies: digests in hexadecimal. */
export interface ContentDigest {
  readonly xxh3: string;
  readonly size: number;
  readonly sha256?: string;
}

/** Bytes that the store has; `maybe` alone when only SHA-256 can tell. */
export interface KnownContent {
  readonly maybe?: true;
  readonly blob?: string;
  readonly size?: number;
  readonly sha256?: string;
  readonly mime_type?: string;
  readonly existed?: boolean;
  readonly expires?: Date;
}

export interface AuditOptions extends Abortable {
  /** Only this part of the media, of so many. */
  slice?: number;
  slices?: number;
  /** The root that a report named at that sequence: the log must have it. */
  at?: number;
  root?: string;
}

interface Job {
  readonly state: "waiting" | "running" | "done" | "failed" | "cancelled";
  readonly result?: Record<string, unknown>;
  readonly error?: unknown;
}

const pauseOfJobs = 20; // Milliseconds between two questions.
const takesNoOptions: ReadonlySet<string> = new Set(["scrub"]);

type Known = (keyof DB & string) | (string & {});

type MediaRowOf<Database> = Database extends { media: infer Row } ? Row : MediaRow;

export class Client {
  #socket: () => Promise<string>;
  #schema: { toJSON(): SchemaDocument } | SchemaDocument | null;
  #applying: Promise<void> | null = null;
  readonly #requests: Requests;
  readonly #retryFor: number;
  /** Media as such. */
  readonly media: MediaLibrary<MediaRowOf<DB>>;

  constructor(options: ClientOptions = {}) {
    const { socket, schema, retryFor = 10_000, requestKeys = true } = options;
    const { timeout = 60_000, clientName = "emstore-node" } = options;
    this.#socket = async () => socket || defaultSocket();
    this.#schema = schema ?? null;
    this.#retryFor = retryFor;
    this.#requests = new Requests(
      () => this.#socket(),
      () => this.#ready(),
      { retryFor, timeout, requestKeys, clientName },
    );
    this.media = new MediaLibrary(this.#requests);
  }

  mutator<Name extends keyof DB & string>(entity: Name): Mutator<DB[Name]>;
  mutator(entity: string): Mutator<AnyRow>;
  mutator(entity: string): Mutator<any> {
    return new Mutator(this.#requests, entity);
  }

  repository<Name extends keyof DB & string>(entity: Name): Repository<DB[Name]>;
  repository(entity: string): Repository<AnyRow>;
  repository(entity: string): Repository<any> {
    return new Repository(this.#requests, entity);
  }

  /** The same as repository. */
  repo<Name extends keyof DB & string>(entity: Name): Repository<DB[Name]>;
  repo(entity: string): Repository<AnyRow>;
  repo(entity: string): Repository<any> {
    return new Repository(this.#requests, entity);
  }

  /**
   * Carries out several mutations, all or none:
   *
   *   await em.transaction((tx) => {
   *     const laptop = tx.insertOne("products", { name: "Laptop" });
   *     tx.updateOne("pages", 1, { products: { $attach: [laptop] } });
   *   });
   *
   * Answers what each of them answers; null of a check. `ask` may not be async: what it asks for
   * takes effect with the transaction, so there is nothing to wait for in it.
   */
  async transaction(
    ask: (transaction: Transaction) => void,
    options?: MutationOptions,
  ): Promise<{ results: any[]; sequence: number; replayed: boolean }> {
    const transaction = new Transaction();
    refusePromise(ask(transaction) as unknown);
    const parts = [transaction.document];
    return transacted(await this.#requests.mutate("transaction", parts, { ...options }));
  }

  /** Makes the schema this one, and says what changed. */
  async applySchema(
    schema: Schema<any> | SchemaDocument,
    options?: ApplyOptions,
  ): Promise<Applied> {
    this.#schema = null;
    return (await this.#apply(schema, options)) as Applied;
  }

  /** The schema in force. */
  async schemaInForce(options: Abortable = {}): Promise<SchemaInForce> {
    const { signal } = withoutSignal(options);
    return (await this.#requests.read("schema.get", [], signal)) as SchemaInForce;
  }

  /** Who is there, and what it can do. */
  hello(): Promise<Hello> {
    return this.#requests.calls.hello();
  }

  async ping(options: Abortable = {}): Promise<{ sequence: number }> {
    const { signal } = withoutSignal(options);
    return (await this.#requests.read("ping", [], signal)) as { sequence: number };
  }

  /** Every commit from that sequence on, or as the query says: as stored in `bytes`, and decoded. */
  log(query: number | LogQuery = {}): AsyncGenerator<Commit, void, undefined> {
    const { signal, rest } = withoutSignal(typeof query === "number" ? { from: query } : query);
    return commits(this.#requests, plain(withoutUndefined(rest), "") as LogQuery, signal);
  }

  /** One commit, whole. */
  async show(sequence: number, options: Abortable = {}): Promise<Commit> {
    return commitOf(this.#requests, sequence, withoutSignal(options).signal);
  }

  /**
   * What is different between two commits: each record that one between them touched, as it was after
   * the first and as it was after the second; what came and went in between is not told. An entity is
   * named as it is called after either of them: renamed, it is the same, and so are its fields.
   */
  diff(
    from: number,
    to: number,
    of: DiffOptions & { entity?: Known } = {},
  ): AsyncGenerator<Difference, void, undefined> {
    return differences(this.#requests, from, to, of);
  }

  /**
   * Takes back what a commit did, by one more. Refused where later commits stand on it (`conflict`, with
   * a violation for each record), and where it cannot be taken back, as a deletion (`unsupported`).
   */
  async undo(
    sequence: number,
    options?: MutationOptions,
  ): Promise<{ results: any[]; sequence: number; replayed: boolean }> {
    return transacted(await this.#requests.mutate("undo", [sequence], { ...options }));
  }

  /** Commits as they are made, and those before them from wherever the options say. */
  subscribe(entity: Known, options?: FeedOptions): Feed;
  subscribe(options?: Pick<FeedOptions, "from" | "operators" | "signal">): Feed;
  subscribe(first: string | object = {}, second: object = {}): Feed {
    const options = typeof first === "string" ? { ...second, entity: first } : first;
    const { signal, rest } = withoutSignal(options);
    const connect = async () => {
      await this.#ready();
      return this.#requests.newCaller();
    };
    return new Feed(
      connect,
      plain(withoutUndefined(rest), "") as Record<string, unknown>,
      this.#retryFor,
      signal,
    );
  }

  /** Has the daemon fold its log again and compare it with the live indexes; the report. */
  verify(options: Abortable = {}): Promise<Record<string, unknown>> {
    return this.#carriedOut("verify", options, { isChange: false });
  }

  /** Has it look at all there is, bytes of media included; the report says what is damaged. */
  audit(options: AuditOptions = {}): Promise<Record<string, unknown>> {
    return this.#carriedOut("audit", options, { isChange: false });
  }

  /** Folds the log again and puts the indexes that it gives in place of the live ones; `mended` says whether those differed. */
  rebuild(options: Abortable = {}): Promise<Record<string, unknown>> {
    return this.#carriedOut("rebuild", options, { isChange: true });
  }

  /** Deletes media that nothing has linked for `grace` seconds, and their bytes; the report. */
  gc(
    options: Abortable & { dry_run?: boolean; grace?: number } = {},
  ): Promise<Record<string, unknown>> {
    return this.#carriedOut("gc", options, { isChange: !options.dry_run });
  }

  /**
   * Goes on with the scrub of media, or begins one, and waits for its end; the report. What is in
   * `waiting` is damaged; the same bytes, uploaded again, mend it.
   */
  scrub(options: Abortable = {}): Promise<Record<string, unknown>> {
    return this.#carriedOut("scrub", options, { isChange: true });
  }

  /**
   * Which contents the store has, each an address or both digests with the size: null, or what an
   * upload would have answered. Until `expires`, `{ blob }` may stand for such a file. Without
   * `sha256` the answer is `{ maybe: true }`.
   */
  async have(
    contents: readonly (string | ContentDigest)[],
    options: Abortable = {},
  ): Promise<(KnownContent | null)[]> {
    const method = "blob.have";
    const { signal } = withoutSignal(options);
    return listIn(method, await this.#requests.read(method, [contents], signal), "contents");
  }

  /**
   * Any method of docs/protocol.md, with its params as they stand there. One that changes something is
   * sent again after a lost connection when its options have a `key`; its outcome is unknown otherwise.
   */
  request(method: string, ...params: unknown[]): Promise<unknown> {
    return this.#requests.ask(method, params);
  }

  /** Ends the connection. A program need not: it ends when nothing is under way. */
  close(): void {
    this.#requests.close();
  }

  /** From now on another daemon: what stood with the one before has ended. */
  protected redirect(socket: () => Promise<string>): void {
    this.#socket = socket;
    this.#requests.reset();
  }

  /** Applied before the next request. */
  protected await(schema: Schema<any> | SchemaDocument): void {
    this.#schema = schema;
  }

  /**
   * A job, until it has ended; begun twice after a lost connection, it does what is left to do. Taken
   * back, it is not begun, or ends in the daemon too: a change may be done in part by then.
   */
  async #carriedOut(
    method: string,
    options: object,
    { isChange }: { readonly isChange: boolean },
  ): Promise<Record<string, unknown>> {
    const { signal, rest } = withoutSignal(options);
    const params = takesNoOptions.has(method) ? [] : [withoutUndefined(rest)];
    let isSent = false;
    const begun = this.#requests.read(method, params, signal, () => (isSent = true));
    try {
      return await unlessAborted(signal, this.#ended(begun as Promise<{ job: string }>, signal));
    } catch (cause) {
      if (!signal?.aborted || !isSent) throw cause;
      this.#end(begun as Promise<{ job: string }>);
      if (!isChange) throw cause;
      throw unknownOutcome(cancelled(signal), "call again: what is left to do is done then");
    }
  }

  async #ended(
    begun: Promise<{ job: string }>,
    signal: AbortSignal | undefined,
  ): Promise<Record<string, unknown>> {
    const { job } = await begun;
    for (;;) {
      const { state, result, error } = (await this.#requests.read("job.get", [job], signal)) as Job;
      if (state === "done") return result!;
      if (state === "failed" || state === "cancelled") throw EmstoreError.fromWire(error);
      if (state !== "waiting" && state !== "running") throw noAnswer("job.get", "a known state");
      await new Promise((resolve) => setTimeout(resolve, pauseOfJobs));
    }
  }

  /** Of a job that may not have begun yet, and may have ended. */
  #end(begun: Promise<{ job: string }>): void {
    begun.then(({ job }) => this.request("job.cancel", job)).catch(() => undefined);
  }

  /** Applies the schema that waits; whoever asks meanwhile waits too. */
  async #ready(): Promise<void> {
    while (this.#applying || this.#schema) {
      this.#applying ??= this.#applyWaiting().finally(() => (this.#applying = null));
      await this.#applying;
    }
  }

  async #applyWaiting(): Promise<void> {
    const schema = this.#schema;
    if (!schema) return;
    await this.#apply(schema);
    if (this.#schema === schema) this.#schema = null;
  }

  #apply(schema: { toJSON(): unknown } | object, options?: ApplyOptions): Promise<unknown> {
    const document = "toJSON" in schema ? (schema as { toJSON(): unknown }).toJSON() : schema;
    return this.#requests.applySchema(document, { ...options });
  }
}

/** Of an async function the rest would be asked for when the transaction is long sent. */
function refusePromise(returned: unknown): void {
  if (typeof (returned as PromiseLike<unknown> | null | undefined)?.then !== "function") return;
  Promise.resolve(returned as PromiseLike<unknown>).catch(() => undefined); // This is the error.
  throw new EmstoreError("invalid_request", "a transaction is asked for by no async function", {
    hint: "await what it needs before: em.transaction((tx) => …)",
  });
}
