/**
 * One connection: messages out, messages in. It knows nothing of retries: a connection that ends has
 * ended, and says so to whom it belongs.
 */
import { createConnection, type Socket } from "node:net";
import { decode, idOfReply } from "./codec.js";
import { Cutter, type Message } from "./cutter.js";
import { EmstoreError } from "./errors.js";

/** More than any daemon of today sends; a later one may have larger limits. */
const limits = { messageBytesMax: 64 << 20, depthMax: 128 };

export interface Listener {
  /** A reply: `error` is null or `[code, message, details]`. */
  onReply(id: number, error: unknown, result: unknown): void;
  onPush(method: string, params: readonly unknown[]): void;
  /** The end, told once. What was sent and not answered may have happened. */
  onEnd(cause: EmstoreError): void;
}

const longestTimeout = 2 ** 31 - 1; // That Node has; 24 days.
const kindReply = 1;
const kindPush = 2;

export class Connection {
  readonly #socket: Socket;
  readonly #listener: Listener;
  readonly #cutter = new Cutter(limits);
  #lastWord: EmstoreError | null = null; // An error that answers no request: why it hung up.
  readonly #timeout: number;
  #patience: NodeJS.Timeout | null = null; // While an answer is due.
  #isOver = false;

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Silent for `timeout` ms while an answer is due, it counts as lost. Errors: unreachable. */
  static open(path: string, listener: Listener, timeout: number): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = createConnection(path);
      const refuse = (cause: Error) => reject(unreachable(path, cause));
      socket.once("error", refuse);
      socket.once("connect", () => {
        socket.off("error", refuse);
        resolve(new Connection(socket, listener, timeout));
      });
    });
  }

  private constructor(socket: Socket, listener: Listener, timeout: number) {
    this.#socket = socket;
    this.#listener = listener;
    this.#timeout = Math.min(timeout, longestTimeout);
    socket.on("data", (piece) => this.#receive(piece));
    socket.on("error", (cause) => this.end(lost(cause.message, cause)));
    socket.on("close", () => this.end(lost("emstored closed the connection")));
  }

  send(message: Uint8Array): void {
    this.#socket.write(message);
  }

  /** Whether this connection keeps the process running. */
  hold(isHeld: boolean): void {
    if (isHeld) this.#socket.ref();
    else this.#socket.unref();
  }

  /** Whether an answer is due, soon enough for silence to mean something. */
  expect(isDue: boolean): void {
    if (isDue) {
      this.#patience ??= setTimeout(() => this.#runOut(), this.#timeout).unref();
    } else if (this.#patience) {
      clearTimeout(this.#patience);
      this.#patience = null;
    }
  }

  /** Takes no more bytes, so that the daemon waits; or goes on. */
  pause(isPaused: boolean): void {
    if (isPaused) this.#socket.pause();
    else this.#socket.resume();
  }

  /** Ends it without a word to the listener. */
  close(): void {
    this.#isOver = true;
    this.expect(false);
    this.#socket.destroy();
  }

  /** Ends it, and says so. */
  end(cause: EmstoreError): void {
    if (this.#isOver) return;
    this.close();
    this.#listener.onEnd(this.#lastWord ?? cause);
  }

  /** A process that was stopped for as long has not looked yet: what has come is read first. */
  #runOut(): void {
    const { bytesRead } = this.#socket;
    setImmediate(() => {
      if (this.#patience && this.#socket.bytesRead === bytesRead) this.end(silent(this.#timeout));
    });
  }

  #receive(piece: Uint8Array): void {
    this.#patience?.refresh();
    this.#cutter.push(piece);
    try {
      for (let message = this.#cutter.next(); message && !this.#isOver;) {
        this.#take(read(message));
        message = this.#cutter.next();
      }
    } catch (cause) {
      this.end(notOurLanguage(cause));
    }
  }

  #take(message: unknown): void {
    if (!Array.isArray(message)) throw new TypeError("a message that is no list");
    const [kind, first, second, third] = message as unknown[];
    if (kind === kindPush && typeof first === "string" && Array.isArray(second)) {
      this.#listener.onPush(first, second);
    } else if (kind === kindReply && typeof first === "number") {
      this.#listener.onReply(first, second, third);
    } else if (kind === kindReply && first === null) {
      this.#lastWord = EmstoreError.fromWire(second);
    } else {
      throw new TypeError("a message of no known form");
    }
  }
}

/** A reply that cannot be read is an error of the request that it answers, and of no other. */
function read({ bytes, hasWideIntegers }: Message): unknown {
  try {
    return decode(bytes, hasWideIntegers);
  } catch (cause) {
    const id = idOfReply(bytes);
    if (id === null) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    return [kindReply, id, ["internal", `an answer that cannot be read: ${reason}`], null];
  }
}

function unreachable(path: string, cause: Error): EmstoreError {
  return new EmstoreError("unreachable", `cannot reach emstored at ${path}: ${cause.message}`, {
    hint: "start emstored, or name its socket: EMSTORE_SOCKET, or em.connect({ socket })",
    retryable: true,
    cause,
  });
}

function lost(reason: string, cause?: Error): EmstoreError {
  return new EmstoreError("unreachable", reason, { retryable: true, cause });
}

function silent(timeout: number): EmstoreError {
  return new EmstoreError("timed_out", `emstored did not answer within ${timeout} ms`, {
    hint: "look whether it is under way; `timeout` says how long to wait",
    retryable: true,
  });
}

function notOurLanguage(cause: unknown): EmstoreError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new EmstoreError("internal", `what answers does not speak like emstored: ${reason}`, {
    hint: "name the socket of an emstored: EMSTORE_SOCKET, or em.connect({ socket })",
    cause,
  });
}
