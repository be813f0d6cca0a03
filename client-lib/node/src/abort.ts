/** Calls that are taken back: by an AbortSignal, as `fetch` and the functions of Node have it. */
import { EmstoreError } from "./errors.js";

export interface Abortable {
  /**
   * Ends the wait for this call, which is refused: `cancelled` when nothing has happened,
   * `outcome_unknown` for a change that was sent. `cause` has the signal's reason.
   */
  signal?: AbortSignal | undefined;
}

/** The options without their signal, which is not for the wire. Errors: wrong_type. */
export function withoutSignal<Options extends object>(
  options: Options & Abortable,
): { readonly signal: AbortSignal | undefined; readonly rest: Omit<Options, "signal"> } {
  const { signal, ...rest } = options;
  if (signal === undefined || isSignal(signal)) return { signal, rest };
  throw new EmstoreError("wrong_type", "the signal is no AbortSignal", {
    path: "signal",
    hint: "pass that of an AbortController, or AbortSignal.timeout(1000)",
  });
}

/** Of whichever library. */
export function isSignal(value: unknown): value is AbortSignal {
  if (value === null || typeof value !== "object") return false;
  return "aborted" in value && "addEventListener" in value;
}

export function cancelled(signal: AbortSignal): EmstoreError {
  const { reason } = signal;
  const why = reason instanceof Error ? reason.message : String(reason);
  return new EmstoreError("cancelled", `the call was taken back: ${why}`, {
    hint: "call again",
    cause: reason,
  });
}

export function refuseAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw cancelled(signal);
}

interface Waiting {
  readonly acts: Set<() => void>;
  readonly tellAll: () => void;
}

/** What waits for a signal. One listener for all: Node warns of more than ten. */
const waiting = new WeakMap<AbortSignal, Waiting>();

/** Has `act` called when the signal says so, which it has not yet. Gives what forgets that. */
export function onAbort(signal: AbortSignal | undefined, act: () => void): () => void {
  if (!signal) return () => undefined;
  const { acts, tellAll } = waiting.get(signal) ?? listening(signal);
  acts.add(act);
  return () => {
    if (!acts.delete(act) || acts.size > 0) return;
    // What AbortSignal.any() made is kept alive by whoever listens to it.
    signal.removeEventListener("abort", tellAll);
    waiting.delete(signal);
  };
}

function listening(signal: AbortSignal): Waiting {
  const acts = new Set<() => void>();
  const tellAll = () => [...acts].forEach((act) => act());
  signal.addEventListener("abort", tellAll, { once: true });
  const made = { acts, tellAll };
  waiting.set(signal, made);
  return made;
}

/** What is wanted, or the error `cancelled` as soon as the signal says so. */
export function unlessAborted<T>(signal: AbortSignal | undefined, wanted: Promise<T>): Promise<T> {
  if (!signal) return wanted;
  return new Promise((resolve, reject) => {
    const abort = () => reject(cancelled(signal));
    const forget = onAbort(signal, abort);
    if (signal.aborted) abort();
    wanted.then(resolve, reject).finally(forget);
  });
}
