/**
 * What can go wrong, as docs/protocol.md lists it. A test holds this table against that one.
 */

/** What the caller may do next. */
export type ErrorClass =
  | "invalid"
  | "not_found"
  | "conflict"
  | "too_large"
  | "unavailable"
  | "outcome_unknown"
  | "corruption"
  | "internal";

/** By class the codes, and with each the next step where an error names none itself. */
const codes = {
  invalid: {
    malformed_message: "send MessagePack-RPC: [0, id, method, params]",
    invalid_request: "correct the parameters; `describe` lists them",
    unknown_method: "`describe` lists the methods",
    unknown_option: "remove or correct the option",
    unknown_entity: "`schema show` lists the entities",
    unknown_field: "`schema show` lists the fields",
    unknown_relation: "`schema show` lists the relations",
    unknown_operator: "use an operator of the documentation",
    wrong_operation: "use the operator that fits the field",
    wrong_type: "send a value of the field's type",
    read_only: "leave the field out; emstore computes it",
    required: "give the field a value",
    out_of_range: "send a value within the field's bounds",
    too_long: "shorten the value",
    too_short: "lengthen the value",
    pattern_mismatch: "send a value that matches the field's pattern",
    not_in_enum: "use one of the listed values",
    schema_mismatch: "send a value that fits the field's JSON Schema",
    duplicate_item: "name each item once",
    too_many_items: "detach some items first, or use $set",
    too_few_items: "attach more items, or lower min_items",
    mime_not_allowed: "attach media of an allowed type",
    wrong_cursor: "send a cursor with the query that gave it",
    invalid_schema: "correct the schema",
    unsupported: "this version cannot do that",
  },
  not_found: {
    record_not_found: "check the id",
    media_not_found: "upload the media first",
    blob_not_found: "upload the bytes first, or ask for them again",
    upload_not_found: "begin the upload again",
    job_not_found: "check the job's id; finished jobs are kept for a while only",
    gone: "the bytes were collected; the history remains",
  },
  conflict: {
    not_unique: "choose another value",
    version_mismatch: "read the record again and retry with its version",
    check_failed: "read what the check looks at again, then decide",
    id_reused: "use a new key for a new request",
    still_linked: "detach the media first, or delete with detach: true",
    restricted: "detach the media first",
    destructive_change: "apply with allow_destructive; the data goes first, by recorded commits",
    source_changed: "upload again; the source changed while it was read",
  },
  too_large: {
    message_too_large: "send smaller messages; upload bytes in chunks",
    depth_exceeded: "nest less deeply",
    result_too_large: "page with limit and cursor",
    commit_too_large: "split the request into several",
    value_too_large: "shorten the value",
    blob_too_large: "the file is over the configured limit",
  },
  unavailable: {
    unreachable: "start emstored, or name its socket",
    busy: "retry after a moment",
    shutting_down: "reconnect and retry",
    too_many_connections: "close connections that are not needed",
    timed_out: "retry, or allow more time",
    cancelled: "start the job again",
    locked: "stop the other daemon, or use another data directory",
    disk_full: "free space, then retry",
    io_failed: "look at the system's log; emstored stops rather than guess",
  },
  outcome_unknown: {
    outcome_unknown: "retry with the same request key",
  },
  corruption: {
    corrupt_log: "restore from a backup; nothing was repaired",
    corrupt_index: "rebuild the indexes from the log",
    corrupt_blob: "restore the file from a backup",
    rolled_back: "the log is shorter than or differs from what was acknowledged; restore it",
    unsupported_format: "use the version of emstore that wrote the store, or a newer one",
  },
  internal: {
    internal: "report it, with the log lines around it",
  },
} as const satisfies Record<ErrorClass, Readonly<Record<string, string>>>;

type CodesOf<Class> = Class extends ErrorClass ? keyof (typeof codes)[Class] : never;
export type ErrorCode = CodesOf<ErrorClass>;

const classes = new Map<string, ErrorClass>();
const advice = new Map<string, string>();
for (const [name, members] of Object.entries(codes)) {
  for (const [code, next] of Object.entries(members)) {
    classes.set(code, name as ErrorClass);
    advice.set(code, next);
  }
}

/** Every code that this version knows, with its class. */
export const errorCodes: ReadonlyMap<string, ErrorClass> = classes;
/** And with the usual next step. */
export const usualHints: ReadonlyMap<string, string> = advice;

/** One rule that a request broke. */
export interface Violation {
  readonly code: string;
  readonly message: string;
  readonly path: string;
  readonly hint: string;
}

export interface ErrorDetails {
  readonly path?: string;
  readonly hint?: string;
  readonly retryable?: boolean;
  readonly violations?: readonly Violation[];
  readonly cause?: unknown;
}

/**
 * Everything that this package throws on purpose. `code` is for programs, `message` for people;
 * `path` is the place within the request, `hint` the next step.
 */
export class EmstoreError extends Error {
  override readonly name = "EmstoreError";
  readonly code: string;
  readonly class: ErrorClass;
  readonly path: string;
  readonly hint: string;
  /** The same request may succeed later. */
  readonly retryable: boolean;
  /** All rules that the request broke; the first of them is this error itself. */
  readonly violations: readonly Violation[];

  constructor(code: ErrorCode | (string & {}), message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.class = classes.get(code) ?? "internal"; // Codes are only added.
    this.path = details.path ?? "";
    this.hint = details.hint || (advice.get(code) ?? "");
    this.retryable = details.retryable ?? false;
    this.violations = details.violations ?? [];
  }

  /** Of what stands in the place of an error on the wire. */
  static fromWire(error: unknown): EmstoreError {
    if (!Array.isArray(error)) return new EmstoreError("internal", `an error of no form: ${error}`);
    const [code, message, details] = error as [unknown, unknown, Record<string, unknown>?];
    const violations = Array.isArray(details?.violations) ? details.violations : [];
    return new EmstoreError(String(code), String(message), {
      path: String(details?.path ?? ""),
      hint: String(details?.hint ?? ""),
      retryable: details?.retryable === true,
      violations: violations.map(([code, message, path, hint]) => ({ code, message, path, hint })),
    });
  }
}

/** Of a change that was sent: nobody knows whether it happened. */
export function unknownOutcome(cause: EmstoreError, hint: string): EmstoreError {
  const reason = `no answer came, it may have happened: ${cause.message}`;
  return new EmstoreError("outcome_unknown", reason, { hint, retryable: true, cause });
}

/** An answer that is not what docs/protocol.md says of the method. */
export function noAnswer(method: string, missing: string): EmstoreError {
  return new EmstoreError("internal", `emstored answered ${method} without ${missing}`, {
    hint: "see whether client and daemon are of one version",
  });
}
