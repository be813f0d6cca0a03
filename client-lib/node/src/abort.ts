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

/** What waits for a signal. One listener for all: Node warns of more than ten. */
const waiting = new WeakMap<AbortSignal, Set<() => void>>();

/** Has `act` called when the signal says so, which it has not yet. Gives what forgets that. */
export function onAbort(signal: AbortSignal | undefined, act: () => void): () => void {
  if (!signal) return () => undefined;
  const acts = waiting.get(signal) ?? listening(signal);
  acts.add(act);
  return () => void acts.delete(act);
}

function listening(signal: AbortSignal): Set<() => void> {
  const acts = new Set<() => void>();
  waiting.set(signal, acts);
  signal.addEventListener("abort", () => [...acts].forEach((act) => act()), { once: true });
  return acts;
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
