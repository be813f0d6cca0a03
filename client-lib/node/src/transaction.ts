/** Several mutations in one commit, in the order in which they were asked for. */
import { Draft, plain } from "./document.js";
import type { DeleteOptions, UpdateOptions, WhereOptions } from "./mutator.js";
import type { AnyRow, Id, NewRecord, RecordChange, Where } from "./rows.js";
import { pathToFileURL } from "node:url";
import type { FileInput } from "./files.js";
import type { DB } from "./database.js";

/** Stands for the id of a record that the transaction makes, wherever an id may stand. */
export interface Ref {
  readonly $ref: string;
}

type Row<Name> = Name extends keyof DB ? DB[Name] : AnyRow;
type Known = (keyof DB & string) | (string & {});
type Positioned = Id | Ref;

export class Transaction {
  readonly #operations: Draft[] = [];
  #names = 0;

  insertOne<Name extends Known>(entity: Name, record: NewRecord<Row<Name>>): Ref {
    return this.#named({ insertOne: [entity, unambiguous(entity, record)] });
  }

  /** The refs of the records, in order. */
  insertMany<Name extends Known>(entity: Name, records: readonly NewRecord<Row<Name>>[]): Ref[] {
    const { $ref } = this.#named({
      insertMany: [entity, records.map((record) => unambiguous(entity, record))],
    });
    return records.map((_, i) => ({ $ref: `${$ref}[${i}]` }));
  }

  upload(file: FileInput, fields: Record<string, unknown> = {}): Ref {
    return this.insertOne("media" as string, { ...fields, file });
  }

  updateOne<Name extends Known>(
    entity: Name,
    id: Positioned,
    change: RecordChange<Row<Name>>,
    options?: Pick<UpdateOptions, "expected">,
  ): void {
    this.#ask({ updateOne: [entity, id, change], ...options });
  }

  updateWhere<Name extends Known>(
    entity: Name,
    change: RecordChange<Row<Name>>,
    where: Where<Row<Name>>,
    options?: Pick<WhereOptions, "all" | "orderBy" | "limit">,
  ): void {
    this.#ask({ updateWhere: [entity, plain(where, "where"), change], ...options });
  }

  deleteOne(
    entity: Known,
    id: Positioned,
    options?: Pick<DeleteOptions, "expected" | "detach">,
  ): void {
    this.#ask({ deleteOne: [entity, id], ...options });
  }

  deleteWhere<Name extends Known>(
    entity: Name,
    where: Where<Row<Name>>,
    options?: Pick<WhereOptions, "all" | "orderBy" | "limit"> & { detach?: boolean },
  ): void {
    this.#ask({ deleteWhere: [entity, plain(where, "where")], ...options });
  }

  /** Nothing happens unless that record is so: there, in that version, as `where` says. */
  check<Name extends Known>(
    entity: Name,
    id: Positioned,
    options?: { expected?: number; where?: Where<Row<Name>>; exists?: boolean },
  ): void {
    this.#ask({ check: [entity, id], ...options });
  }

  /** Nothing happens unless some record is as `where` says; with `exists: false`: unless none is. */
  checkWhere<Name extends Known>(
    entity: Name,
    where: Where<Row<Name>>,
    options?: { exists?: boolean },
  ): void {
    this.#ask({ check: [entity], where: plain(where, "where"), ...options });
  }

  /** What is sent. */
  get document(): Draft {
    return Draft.ofList(this.#operations);
  }

  #ask(operation: Record<string, unknown>): void {
    const path = `[${this.#operations.length}]`;
    this.#operations.push(Draft.of(operation, { path, depth: 1 }));
  }

  #named(operation: Record<string, unknown>): Ref {
    this.#names += 1;
    const name = `r${this.#names}`;
    this.#ask({ ...operation, as: name });
    return { $ref: name };
  }
}

/** Within a media record a string is a path; here, among other things, it has to be said. */
function unambiguous(entity: string, record: object): object {
  const { file } = record as { file?: unknown };
  return entity === "media" && typeof file === "string"
    ? { ...record, file: pathToFileURL(file) }
    : record;
}
