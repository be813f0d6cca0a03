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

const codes = {
  invalid: [
    "malformed_message",
    "invalid_request",
    "unknown_method",
    "unknown_option",
    "unknown_entity",
    "unknown_field",
    "unknown_relation",
    "unknown_operator",
    "wrong_operation",
    "wrong_type",
    "read_only",
    "required",
    "out_of_range",
    "too_long",
    "too_short",
    "pattern_mismatch",
    "not_in_enum",
    "schema_mismatch",
    "duplicate_item",
    "too_many_items",
    "too_few_items",
    "mime_not_allowed",
    "wrong_cursor",
    "invalid_schema",
    "unsupported",
  ],
  not_found: [
    "record_not_found",
    "media_not_found",
    "blob_not_found",
    "upload_not_found",
    "job_not_found",
    "gone",
  ],
  conflict: [
    "not_unique",
    "version_mismatch",
    "check_failed",
    "id_reused",
    "still_linked",
    "restricted",
    "destructive_change",
    "source_changed",
  ],
  too_large: [
    "message_too_large",
    "depth_exceeded",
    "result_too_large",
    "commit_too_large",
    "value_too_large",
    "blob_too_large",
  ],
  unavailable: [
    "unreachable",
    "busy",
    "shutting_down",
    "too_many_connections",
    "timed_out",
    "cancelled",
    "locked",
    "disk_full",
    "io_failed",
  ],
  outcome_unknown: ["outcome_unknown"],
  corruption: ["corrupt_log", "corrupt_index", "corrupt_blob", "rolled_back", "unsupported_format"],
  internal: ["internal"],
} as const satisfies Record<ErrorClass, readonly string[]>;

export type ErrorCode = (typeof codes)[ErrorClass][number];

const classes = new Map<string, ErrorClass>();
for (const [name, members] of Object.entries(codes)) {
  for (const code of members) classes.set(code, name as ErrorClass);
}

/** Every code that this version knows, with its class. */
export const errorCodes: ReadonlyMap<string, ErrorClass> = classes;

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
    this.hint = details.hint ?? "";
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

/** An answer that is not what docs/protocol.md says of the method. */
export function noAnswer(method: string, missing: string): EmstoreError {
  return new EmstoreError("internal", `emstored answered ${method} without ${missing}`, {
    hint: "see whether client and daemon are of one version",
  });
}
