/**
 * Requests and their answers over a connection that is made again when it was lost.
 *
 * Requests are sent in the order in which they are made, without waiting for answers. After a lost
 * connection what was not answered is sent again, in the same order and with the same bytes: reads,
 * and mutations with a request key, which the daemon carries out once. A mutation without a key that
 * was sent is not: its outcome is unknown.
 *
 * A call that is taken back is refused at once. One that was sent keeps its place until its answer has
 * come, which is dropped, and is never sent again. With `onSent` the answer is not dropped: it may name
 * what is to be ended.
 */
import { randomBytes } from "node:crypto";
import { cancelled, onAbort, type Abortable } from "./abort.js";
import { encode } from "./codec.js";
import { Connection } from "./connection.js";
import { EmstoreError, noAnswer, unknownOutcome } from "./errors.js";

export interface CallerOptions {
  /** How long to reconnect and repeat after a lost connection before giving up, in ms. */
  readonly retryFor: number;
  /** Silent for so long while an answer is due, but none that takes long, a connection is lost; in ms. */
  readonly timeout: number;
  /** What `hello` says of this program. */
  readonly clientName: string;
}

/** How a request may be repeated. */
export interface Repeatability {
  readonly isMutation: boolean;
  /** Its request key; a mutation that has none is sent once. */
  readonly key?: string | undefined;
}

export interface CallOptions extends Repeatability, Abortable {
  /** Told when it is sent, each time. From then on its answer is waited for, whatever the signal says. */
  readonly onSent?: (() => void) | undefined;
}

/** What `hello` answers. */
export interface Hello {
  readonly server: string;
  readonly protocol: number;
  readonly store_id: string;
  readonly sequence: number;
  readonly schema_version: number;
  readonly capabilities: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
  readonly peer: Readonly<Record<string, number>>;
}

interface Request extends CallOptions {
  readonly method: string;
  readonly bytes: Uint8Array;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
  isSent: boolean; // Over the connection that stands.
  mayHaveHappened: boolean; // It was sent over this one, or over another.
  isTakenBack: boolean; // Nobody waits for the answer.
}

export type PushHandler = (method: string, params: readonly unknown[]) => void;

const protocolVersion = 1;
const firstPause = 5;
const longestPause = 500;
const idsMax = 2 ** 32;
/** Silence says nothing while these are under way, nor of what waits behind them. */
const takeLong: ReadonlySet<string> = new Set(["schema.apply", "blob.commit"]);
const schemaApply = "schema.apply"; // A change, though one that may be repeated without a key.
const helloId = 0; // Of the first request of each connection.

/** 128 random bits. */
export const newRequestKey = (): string => randomBytes(16).toString("hex");

export class Caller {
  readonly #socket: () => Promise<string>;
  readonly #options: CallerOptions;
  readonly #requests = new Map<number, Request>(); // Without an answer, in the order they were made.
  readonly #long = new Set<number>(); // Those of them that take long.
  #takenBack = 0; // So many of them.
  #greeters = 0; // Who wait for a connection as such.
  readonly #pushHandlers = new Set<PushHandler>();
  #lostHandler: (cause: EmstoreError) => void = () => undefined;
  #connection: Connection | null = null;
  #greeted: Connection | null = null; // It has not said yet who it is.
  #connecting: Promise<void> | null = null;
  #hello: Hello | null = null;
  #lastId = 0;
  #pause = firstPause;
  #deadline: number | null = null; // Runs from the first failure.
  #isClosed = false;

  constructor(socket: () => Promise<string>, options: CallerOptions) {
    this.#socket = socket;
    this.#options = options;
  }

  /** The daemon's answer to `hello`, of the connection that stands or stood last. */
  async hello(): Promise<Hello> {
    this.#greeters += 1;
    try {
      await this.#connected();
      return this.#hello!;
    } finally {
      this.#greeters -= 1;
    }
  }

  call(
    method: string,
    params: readonly unknown[],
    options: CallOptions,
  ): Promise<unknown> {
    const { signal } = options;
    if (this.#isClosed) return Promise.reject(closed());
    if (signal?.aborted) return Promise.reject(cancelled(signal));
    return new Promise((resolve, reject) => {
      const id = this.#nextId();
      const bytes = encode([0, id, method, params]);
      const forget = onAbort(signal, () => this.#takeBack(id, cancelled(signal!)));
      const settles =
        <T>(settle: (outcome: T) => void) =>
        (outcome: T) => {
          forget();
          settle(outcome);
        };
      this.#requests.set(id, {
        ...options,
        method,
        bytes,
        resolve: settles(resolve),
        reject: settles(reject),
        isSent: false,
        mayHaveHappened: false,
        isTakenBack: false,
      });
      if (takeLong.has(method)) this.#long.add(id);
      if (this.#connection) this.#send();
      else this.#connected().catch(() => undefined); // Told to each request.
    });
  }

  onPush(handler: PushHandler): () => void {
    this.#pushHandlers.add(handler);
    this.#hold();
    return () => {
      this.#pushHandlers.delete(handler);
      this.#hold();
    };
  }

  /** Told when a connection was lost, before anything is sent again. */
  onLost(handler: (cause: EmstoreError) => void): void {
    this.#lostHandler = handler;
  }

  /** Takes no more bytes, so that the daemon waits; or goes on. */
  pause(isPaused: boolean): void {
    this.#connection?.pause(isPaused);
  }

  /** Ends the connection. What has no answer is refused. */
  close(cause = closed()): void {
    this.#isClosed = true;
    this.#greeted?.end(cause);
    this.#connection?.close();
    this.#connection = null;
    this.#giveUp(cause, () => true);
  }

  /** Forgets whom it spoke with: the next request connects anew. What has no answer is refused. */
  reset(): void {
    this.#connection?.close();
    this.#connection = null;
    this.#hello = null;
    this.#giveUp(closed(), (request) => request.isSent);
    this.#calm();
  }

  #nextId(): number {
    do this.#lastId = (this.#lastId + 1) % idsMax;
    while (this.#requests.has(this.#lastId));
    return this.#lastId;
  }

  #forget(id: number): void {
    if (this.#requests.get(id)?.isTakenBack) this.#takenBack -= 1;
    this.#requests.delete(id);
    this.#long.delete(id);
  }

  /** Nobody waits for it any more. What was sent keeps its id: the answer will still come. */
  #takeBack(id: number, cause: EmstoreError): void {
    const request = this.#requests.get(id);
    if (!request || (request.isSent && request.onSent)) return;
    if (request.isSent) {
      request.isTakenBack = true;
      this.#takenBack += 1;
    } else {
      this.#forget(id);
    }
    request.reject(outcomeOf(request, cause));
    this.#hold();
    if (!this.#isAwaited()) this.#greeted?.end(nobodyWaits);
  }

  #isAwaited(): boolean {
    return this.#requests.size > this.#takenBack || this.#greeters > 0;
  }

  #connected(): Promise<void> {
    if (this.#connection) return Promise.resolve();
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = null;
      // Who asked just after it was given up.
      if (this.#requests.size > 0) this.#connected().catch(() => undefined);
    });
    return this.#connecting;
  }

  /** Connects, for as long as it makes sense, and sends what waits. */
  async #connect(): Promise<void> {
    for (;;) {
      try {
        await this.#greet();
        return this.#send();
      } catch (cause) {
        // Who asked in the tick in which the last one before left.
        if (cause === nobodyWaits && this.#isAwaited()) continue;
        const error = asError(cause);
        this.#deadline ??= Date.now() + (this.#hello ? this.#options.retryFor : 0);
        const isOver = this.#isClosed || !this.#isAwaited() || this.#isTooLate();
        if (isOver || !error.retryable) {
          this.#giveUp(error, () => true);
          this.#calm();
          throw error;
        }
        await this.#rest();
      }
    }
  }

  #isTooLate(): boolean {
    return this.#deadline !== null && Date.now() + this.#pause > this.#deadline;
  }

  /** Nothing is being retried: the next failure is a first one. */
  #calm(): void {
    this.#deadline = null;
    this.#pause = firstPause;
  }

  async #rest(): Promise<void> {
    const pause = this.#pause;
    this.#pause = Math.min(2 * pause, longestPause);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }

  /** Opens a connection, says hello and looks who answers. */
  async #greet(): Promise<void> {
    const path = await this.#socket();
    const { answer, listen } = greeting();
    const connection = await Connection.open(path, listen, this.#options.timeout);
    this.#greeted = connection;
    try {
      if (this.#isClosed) throw closed();
      const params = [{ protocol: protocolVersion, client: this.#options.clientName }];
      connection.expect(true);
      connection.send(encode([0, helloId, "hello", params]));
      const hello = await answer;
      if (!isHello(hello) || connection.isOver) throw noEmstored(path);
      if (this.#hello && this.#hello.store_id !== hello.store_id) throw otherStore(path);
      this.#hello = hello;
    } catch (cause) {
      connection.close();
      throw cause;
    } finally {
      this.#greeted = null;
    }
    this.#connection = connection;
    listen.onReply = (id, error, result) => this.#answer(id, error, result);
    listen.onPush = (method, params) => {
      for (const handler of this.#pushHandlers) handler(method, params);
    };
    listen.onEnd = (cause) => this.#lose(cause);
  }

  #send(): void {
    const most = this.#hello?.limits.request ?? Infinity;
    for (const [id, request] of this.#requests) {
      if (request.isSent) continue;
      if (request.bytes.length > most) {
        this.#forget(id);
        request.reject(tooLarge(request.bytes.length, most));
        continue;
      }
      request.isSent = request.mayHaveHappened = true;
      this.#connection?.send(request.bytes);
      request.onSent?.();
    }
    if (this.#requests.size === 0) this.#calm();
    this.#hold();
  }

  /** A process may end when nothing is under way and nobody listens. */
  #hold(): void {
    const isDue = this.#requests.size > this.#takenBack;
    this.#connection?.expect(isDue && this.#long.size === 0);
    this.#connection?.hold(isDue || this.#pushHandlers.size > 0);
  }

  #answer(id: number, error: unknown, result: unknown): void {
    const request = this.#requests.get(id);
    if (!request) throw new RangeError(`an answer to request ${id}, which was not asked`);
    const refusal = error === null || error === undefined ? null : EmstoreError.fromWire(error);
    if (refusal && !request.signal?.aborted && this.#asksToRepeat(refusal, request)) return this.#repeat(request, refusal);
    this.#forget(id);
    this.#calm(); // An answer, not a greeting: a request that ends each connection ends at last.
    const isLast = this.#requests.size === this.#takenBack; // Of those that are waited for.
    if (isLast || takeLong.has(request.method)) this.#hold();
    if (refusal) request.reject(refusal);
    else if (isMap(result)) request.resolve(result);
    else request.reject(noAnswer(request.method, "a map"));
  }

  /** The daemon said: not now, and nothing has happened. Or: ask again under the same key. */
  #asksToRepeat(error: EmstoreError, request: Request): boolean {
    if (error.code === "outcome_unknown") return request.isMutation && request.key !== undefined;
    // Requests behind it may have been carried out: repeating would reorder.
    if (error.code === "busy") return this.#requests.size === 1 && this.#options.retryFor > 0;
    return error.code === "shutting_down" || error.code === "too_many_connections";
  }

  /** Sends everything unanswered again, over a new connection: the daemon knows what it has done. */
  #repeat(refused: Request, cause: EmstoreError): void {
    if (cause.class === "unavailable") refused.isSent = refused.mayHaveHappened = false;
    this.#connection?.close();
    this.#lose(cause);
  }

  #lose(cause: EmstoreError): void {
    this.#connection = null;
    this.#lostHandler(cause);
    if (this.#isClosed) return;
    this.#giveUp(cause, (request) => request.isSent && !(cause.retryable && isRepeatable(request)));
    this.#deadline ??= Date.now() + this.#options.retryFor;
    if (this.#isTooLate()) this.#giveUp(cause, () => true);
    for (const request of this.#requests.values()) request.isSent = false;
    if (this.#requests.size === 0) return this.#calm(); // The next request connects again.
    this.#rest()
      .then(() => (this.#isAwaited() ? this.#connected() : this.#calm()))
      .catch(() => undefined); // Told to each request.
  }

  #giveUp(cause: EmstoreError, isOver: (request: Request) => boolean): void {
    const sent = [...this.#requests.values()].filter(({ isSent }) => isSent);
    // A last word is about the only request there was.
    const isRefusal = sent.length === 1 && ["invalid", "too_large"].includes(cause.class);
    for (const [id, request] of this.#requests) {
      if (!isOver(request)) continue;
      this.#forget(id);
      request.reject(isRefusal ? cause : outcomeOf(request, cause));
    }
  }
}

/** A listener that first waits for the answer to `hello`, and belongs to the caller from then on. */
function greeting() {
  const listen = {
    onReply: (_id: number, _error: unknown, _result: unknown): void => undefined,
    onPush: (_method: string, _params: readonly unknown[]): void => undefined,
    onEnd: (_cause: EmstoreError): void => undefined,
  };
  const answer = new Promise<unknown>((resolve, reject) => {
    listen.onReply = (id, error, result) => {
      if (id !== helloId) throw new RangeError(`an answer to request ${id}, which was not asked`);
      if (error) reject(EmstoreError.fromWire(error));
      else resolve(result);
    };
    listen.onEnd = reject;
  });
  return { answer, listen };
}

/** What every method answers. */
function isMap(answer: unknown): boolean {
  if (answer === null || typeof answer !== "object" || Array.isArray(answer)) return false;
  return !(answer instanceof Date || answer instanceof Uint8Array);
}

function isHello(answer: unknown): answer is Hello {
  const { store_id, limits } = (answer ?? {}) as Partial<Hello>;
  return typeof store_id === "string" && typeof limits === "object" && limits !== null;
}

function noEmstored(path: string): EmstoreError {
  return new EmstoreError("unreachable", `${path} does not answer like emstored`, {
    hint: "name the socket of an emstored: EMSTORE_SOCKET, or em.connect({ socket })",
  });
}

/** What stood with the store before does not stand with another. */
export function otherStore(path: string): EmstoreError {
  return new EmstoreError("unreachable", `${path} now serves another store than before`, {
    hint: "connect anew: going on there would be no going on",
  });
}

function isRepeatable(request: Request): boolean {
  return !request.signal?.aborted && (!request.isMutation || request.key !== undefined);
}

/** Why a request has no answer, in terms of what may have happened. */
function outcomeOf(request: Request, cause: EmstoreError): EmstoreError {
  const isChange = request.isMutation || request.method === schemaApply;
  return isChange && request.mayHaveHappened ? unknownOutcome(cause, toFindOut(request)) : cause;
}

function toFindOut({ method, key }: Request): string {
  if (method === schemaApply) return "apply it again: twice applied, a schema is as it was";
  if (key !== undefined) return `retry with the request key "${key}"`;
  return "read the record to find out; with a request key, retries are safe";
}

function tooLarge(bytes: number, most: number): EmstoreError {
  return new EmstoreError(
    "message_too_large",
    `the request has ${bytes} bytes, the daemon takes ${most}`,
    { hint: "send smaller messages; upload bytes in chunks" },
  );
}

const closed = () => new EmstoreError("unreachable", "this client was closed");

/** Why a greeting is not waited for; who asks meanwhile has it made again. */
const nobodyWaits = new EmstoreError("unreachable", "nobody waits for a connection", {
  retryable: true,
});

function asError(cause: unknown): EmstoreError {
  return cause instanceof EmstoreError
    ? cause
    : new EmstoreError("internal", String(cause), { cause });
}
