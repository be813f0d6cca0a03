/** The client of emstore. See README.md of this package, and docs/protocol.md for the wire. */
export { app, type App } from "./app.js";
export {
  Client,
  type Applied,
  type ApplyOptions,
  type AuditOptions,
  type ClientOptions,
  type ContentDigest,
  type KnownContent,
} from "./client.js";
export { Feed, type FeedOptions, type Notice } from "./feed.js";
export type { Difference, DiffOptions } from "./diff.js";
export type { Commit, LinkOperator, LogQuery } from "./log.js";
export type { Abortable } from "./abort.js";
export { em, type Em } from "./em.js";
export * from "./database.js";
export {
  EmstoreError,
  errorCodes,
  type ErrorClass,
  type ErrorCode,
  type Violation,
} from "./errors.js";
export {
  boolean,
  date,
  datetime,
  enumm,
  Field,
  json,
  jsonSchema,
  media,
  medium,
  number,
  text,
} from "./fields.js";
export type { FileInput, StoredBlob } from "./files.js";
export type { Mutator } from "./mutator.js";
export type { Repository } from "./repository.js";
export type * from "./results.js";
export type * from "./rows.js";
export { Entity, entity, systemEntity, type Schema, type SchemaDocument } from "./schema.js";
export { serve, type Served, type ServeOptions } from "./serve.js";
export { Time } from "./time.js";
