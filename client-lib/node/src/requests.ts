/** How requests leave a client: in the order in which they are made, files stored before. */
import { refuseAborted, unlessAborted, withoutSignal, type Abortable } from "./abort.js";
import { Caller, newRequestKey, type CallerOptions } from "./caller.js";
import { EmstoreError } from "./errors.js";
import { Draft, plain } from "./document.js";
import { Bulk, newBaggage, store } from "./transfer.js";

/** Options that every mutation takes. */
export interface MutationOptions extends Abortable {
  /** The request key; without one the client makes one. */
  key?: string;
  /** Recorded with the commit. */
  reason?: string;
  correlation?: string;
  causation?: string;
}

export interface RequestOptions extends CallerOptions {
  /** Gives every mutation a request key, so that a repeated one happens once. */
  readonly requestKeys: boolean;
}

/** The methods that take a request key, and the place of their options among the params. */
export const mutations: ReadonlyMap<string, number> = new Map([
  ["schema.apply", 1],
  ["insertOne", 2],
  ["updateOne", 3],
  ["deleteOne", 2],
  ["insertMany", 2],
  ["updateWhere", 3],
  ["deleteWhere", 2],
  ["transaction", 1],
  ["undo", 1],
  ["media.upload", 2],
]);

export class Requests {
  readonly calls: Caller;
  /** For the bytes of media, so that these hold up nobody. */
  readonly bulk: Bulk;
  readonly #ready: () => Promise<void>;
  readonly #requestKeys: boolean;
  readonly #socket: () => Promise<string>;
  readonly #options: RequestOptions;
  #turn: Promise<void> = Promise.resolve(); // Of the mutation that was asked for last.

  /** `ready` is awaited before the first request, and after what it waits for has changed. */
  constructor(socket: () => Promise<string>, ready: () => Promise<void>, options: RequestOptions) {
    this.calls = new Caller(socket, options);
    this.bulk = new Bulk(new Caller(socket, options));
    this.#socket = socket;
    this.#options = options;
    this.#ready = ready;
    this.#requestKeys = options.requestKeys;
  }

  /** `onSent` as Caller has it. */
  async read(
    method: string,
    params: readonly unknown[] = [],
    signal?: AbortSignal,
    onSent?: () => void,
  ): Promise<unknown> {
    try {
      refuseAborted(signal); // Before anything is made ready for it.
      await unlessAborted(signal, this.#ready());
      return await this.calls.call(method, params, { isMutation: false, signal, onSent });
    } catch (cause) {
      throw seenFromHere(cause);
    }
  }

  /**
   * Mutations are sent in the order of these calls, also when one has to wait for its files or is
   * refused for them. `parts` are the positional params; those that may name files are drafts.
   */
  async mutate(
    method: string,
    parts: readonly unknown[],
    options: MutationOptions & Record<string, unknown> = {},
  ): Promise<unknown> {
    const { signal, rest } = withoutSignal(options);
    const key = options.key ?? (this.#requestKeys ? newRequestKey() : undefined);
    const settings = plain(
      { ...withoutUndefined(rest), ...(key === undefined ? {} : { key }) },
      "",
    );
    const params = this.#prepared(parts, signal).then((prepared) => [...prepared, settings]);
    return this.#inTurn(method, params, key, signal);
  }

  /** Any method, with its params as they are. A mutation without a key in them is sent once. */
  ask(method: string, params: readonly unknown[]): Promise<unknown> {
    const place = mutations.get(method);
    if (place === undefined) return this.read(method, params);
    const { key } = (params[place] ?? {}) as { key?: unknown };
    return this.#inTurn(method, this.#prepared(params), typeof key === "string" ? key : undefined);
  }

  /**
   * The one mutation that does not wait until everything is ready: it makes it so. Applied twice, a
   * schema is as it was, so it needs no key: with one, each start of a program would be a commit.
   */
  applySchema(
    schema: unknown,
    options: MutationOptions & Record<string, unknown>,
  ): Promise<unknown> {
    const document = JSON.parse(JSON.stringify(schema));
    const { signal, rest } = withoutSignal(options);
    const settings = plain(withoutUndefined(rest), "");
    return this.calls.call("schema.apply", [document, settings], { isMutation: false, signal });
  }

  /** One more connection, for whom it serves alone. */
  newCaller(): Caller {
    return new Caller(this.#socket, this.#options);
  }

  /** Another daemon will answer from now on. */
  reset(): void {
    this.calls.reset();
    this.bulk.calls.reset();
  }

  close(): void {
    this.calls.close();
    this.bulk.calls.close();
  }

  async #inTurn(
    method: string,
    prepared: Promise<readonly unknown[]>,
    key: string | undefined,
    signal?: AbortSignal,
  ): Promise<unknown> {
    const before = this.#turn;
    const sent = (async () => {
      const [params] = await unlessAborted(signal, Promise.all([prepared, before]));
      // The answer is boxed: the turn ends when the request is sent.
      return { answer: this.calls.call(method, params, { isMutation: true, key, signal }) };
    })();
    // Whoever comes next also waits for those before one that is refused.
    this.#turn = Promise.allSettled([before, sent]).then(() => undefined);
    try {
      return await (
        await sent
      ).answer;
    } catch (cause) {
      throw seenFromHere(cause);
    }
  }

  async #prepared(parts: readonly unknown[], signal?: AbortSignal): Promise<unknown[]> {
    refuseAborted(signal);
    await unlessAborted(signal, this.#ready());
    const baggage = newBaggage();
    return Promise.all(
      parts.map((part) =>
        part instanceof Draft ? part.stored((file) => store(this.bulk, file, baggage, signal)) : part,
      ),
    );
  }
}

/** An error arrives with the stack of the socket; what helps is who asked. */
function seenFromHere(cause: unknown): unknown {
  if (cause instanceof EmstoreError) Error.captureStackTrace(cause, seenFromHere);
  return cause;
}

export function withoutUndefined(options: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
