/**
 * The feed: commits of the log, from any place on and then as they are made.
 *
 *   for await (const commit of em.subscribe("products", { from: 27 })) …
 *
 * Nothing is missed and nothing comes twice: a lost connection is made again, and the feed goes on
 * where it was. Who is slow is waited for: the daemon reads no further than somebody takes.
 */
import { onAbort, refuseAborted, type Abortable } from "./abort.js";
import { otherStore, type Caller } from "./caller.js";
import { EmstoreError, noAnswer } from "./errors.js";
import type { Commit, LinkOperator } from "./log.js";
import type { Id } from "./rows.js";

/** Which commits: those with an event that is all that is asked for. A commit comes whole. */
export interface FeedOptions extends Abortable {
  /** The first commit; left out, only those to come. */
  from?: number;
  /** About this record of the entity. */
  id?: Id;
  /** Concerning this field of the entity. */
  field?: string;
  /** Links, by these. */
  operators?: readonly LinkOperator[];
}

/** `next`: the `from` with which a feed goes on after this. */
export type Notice =
  | { readonly kind: "commit"; readonly commit: Commit; readonly next: number }
  | { readonly kind: "progress"; readonly next: number }
  | { readonly kind: "caught_up"; readonly next: number }
  | { readonly kind: "lagging"; readonly next: number; readonly behind: number };

const noticesKept = 256; // That nobody has taken; then no more are read from the socket.
const firstPause = 5;
const longestPause = 500;

export class Feed implements AsyncIterable<Commit> {
  readonly #connect: () => Promise<Caller>;
  readonly #asked: Readonly<Record<string, unknown>>;
  readonly #retryFor: number;
  readonly #signal: AbortSignal | undefined;
  #inbox: Inbox | null = null;
  #store: string | null = null; // Its id: sequences of another one say nothing.
  #isClosed = false;
  #tellClosed = () => undefined as void;
  readonly #closed = new Promise<null>((resolve) => (this.#tellClosed = () => resolve(null)));
  /** What `from` would go on with, after the last notice that was taken. */
  position: number | undefined;

  /** `connect` gives a connection that is the feed's own. */
  constructor(
    connect: () => Promise<Caller>,
    asked: Record<string, unknown>,
    retryFor: number,
    signal?: AbortSignal,
  ) {
    const { from, ...rest } = asked;
    this.#connect = connect;
    this.#asked = rest;
    this.#retryFor = retryFor;
    this.position = from as number | undefined;
    this.#signal = signal;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Commit, void, undefined> {
    for await (const notice of this.notices()) {
      if (notice.kind === "commit") yield notice.commit;
    }
  }

  /** Commits, and what is to be known beside them. Errors: cancelled, by its signal. */
  async *notices(): AsyncGenerator<Notice, void, undefined> {
    refuseAborted(this.#signal);
    const forget = onAbort(this.#signal, () => this.close());
    try {
      yield* this.#untilClosed();
      refuseAborted(this.#signal);
    } finally {
      forget();
    }
  }

  async *#untilClosed(): AsyncGenerator<Notice, void, undefined> {
    let deadline: number | null = null; // Runs from the first failure.
    for (let pause = firstPause; !this.#isClosed; pause = Math.min(2 * pause, longestPause)) {
      try {
        for await (const notice of this.#subscription()) {
          if (this.#signal?.aborted) return;
          [deadline, pause] = [null, firstPause];
          this.position = notice.next;
          yield notice;
        }
      } catch (cause) {
        if (this.#isClosed) return;
        if (!(cause instanceof EmstoreError) || !cause.retryable) throw cause;
        deadline ??= Date.now() + this.#retryFor;
        if (Date.now() + pause > deadline) throw cause;
        await this.#unlessClosed(new Promise((resolve) => setTimeout(resolve, pause)));
      }
    }
  }

  /** Ends it, wherever it is: who waits for a commit waits no longer. */
  close(): void {
    this.#isClosed = true;
    this.#tellClosed();
    this.#inbox?.end(null);
  }

  /** Null when it was closed meanwhile. */
  #unlessClosed<T>(wanted: Promise<T>): Promise<T | null> {
    return Promise.race([wanted, this.#closed]);
  }

  async #subscribe(caller: Caller): Promise<{ readonly from: number }> {
    const { store_id } = await caller.hello();
    this.#store ??= store_id;
    if (this.#store !== store_id) throw otherStore("the socket of this feed");
    const asked = { ...this.#asked, from: this.position };
    const answer = await caller.call("subscribe", [asked], { isMutation: false });
    if (Number.isInteger((answer as { from?: unknown }).from)) return answer as any;
    throw noAnswer("subscribe", '"from"');
  }

  /** Until its connection ends. */
  async *#subscription(): AsyncGenerator<Notice, void, undefined> {
    const caller = await this.#unlessClosed(this.#connect());
    if (!caller) return;
    const inbox = new Inbox((isFull) => caller.pause(isFull));
    this.#inbox = inbox;
    caller.onPush((method, params) => inbox.take(method, params));
    caller.onLost((cause) => {
      caller.close(cause);
      inbox.end(cause);
    });
    try {
      const answer = await this.#unlessClosed(this.#subscribe(caller));
      if (!answer) return;
      this.position ??= answer.from;
      for (let notice = await inbox.next(); notice; notice = await inbox.next()) yield notice;
    } finally {
      caller.close();
    }
  }
}

/** Notices that have come, and who waits for one. */
class Inbox {
  readonly #notices: Notice[] = [];
  readonly #onFull: (isFull: boolean) => void;
  #isFull = false;
  #over: { readonly cause: EmstoreError | null } | null = null;
  #wake: () => void = () => undefined;

  constructor(onFull: (isFull: boolean) => void) {
    this.#onFull = onFull;
  }

  take(method: string, params: readonly unknown[]): void {
    const [, second, third] = params as [number, any, any];
    if (method === "commits") this.#takeCommits(second, third);
    else if (method === "caught_up") this.#notices.push({ kind: method, next: second });
    else if (method === "lagging")
      this.#notices.push({ kind: method, next: second, behind: third });
    else if (method === "ended") this.end(EmstoreError.fromWire(third));
    this.#setFull(this.#notices.length >= noticesKept);
    this.#wake();
  }

  /** What has come is still given out, then the cause is thrown; null: it just ends. */
  end(cause: EmstoreError | null): void {
    this.#over ??= { cause };
    this.#wake();
  }

  async next(): Promise<Notice | null> {
    for (;;) {
      const notice = this.#notices.shift();
      if (this.#notices.length === 0) this.#setFull(false);
      if (notice) return notice;
      if (this.#over?.cause) throw this.#over.cause;
      if (this.#over) return null;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #takeCommits(commits: readonly Commit[], next: number): void {
    if (commits.length === 0) this.#notices.push({ kind: "progress", next });
    commits.forEach((commit, i) => {
      const last = i === commits.length - 1;
      this.#notices.push({ kind: "commit", commit, next: last ? next : commit.sequence + 1 });
    });
  }

  #setFull(isFull: boolean): void {
    if (isFull !== this.#isFull) this.#onFull(isFull);
    this.#isFull = isFull;
  }
}
