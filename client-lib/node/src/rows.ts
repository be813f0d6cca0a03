/**
 * The types of rows, of what is written to them and of what is read with them, inferred from a
 * schema. Nothing of this file is there when a program runs.
 */
import type { Field } from "./fields.js";
import type { FileInput } from "./files.js";
import type { Entity } from "./schema.js";

export type Id = number | string;

/** What leads to a record. `$ref` names one that the same transaction makes. */
export type Ref = Id | { readonly id: Id } | { readonly $ref: string };

/** The fields of `media` that emstore keeps by itself. */
export interface MediaRow {
  id: number;
  name: string | null;
  /** As seen in the bytes. */
  mime_type: string;
  /** As said by who uploaded it. */
  claimed_type: string | null;
  size: number;
  /** The address of the bytes; equal bytes have the same. */
  blob: string;
  sha256: string;
  metadata: Record<string, unknown> | null;
  created_at: Date;
  updated_at: Date;
  /** All uses, when asked for: `with: { reference: true }`. */
  reference?: Reference[];
  /** The link that led here, when read through one. */
  $link?: Link;
}

export interface Link {
  position: string;
  meta: Record<string, unknown> | null;
}

/** One use of a media. */
export interface Reference extends Link {
  entity: string;
  field: string;
  entity_id: Id;
}

/** Leads from the type of a row to that of its entity. */
declare const entityOf: unique symbol;

/** Never, for a row whose fields the types do not know. */
export type FieldsOf<Row> = string extends keyof Row
  ? never
  : Row extends { readonly [entityOf]?: Entity<string, infer Fields> }
    ? Fields
    : never;

type Simplify<T> = { [Key in keyof T]: T[Key] } & {};

type Value<F> =
  F extends Field<"value", infer Type, infer Required>
    ? Required extends true
      ? Type
      : Type | null
    : never;

type KeysOf<Fields, Kind> = {
  [Name in keyof Fields]: Fields[Name] extends Field<infer Is, unknown, boolean>
    ? Is extends Kind
      ? Name
      : never
    : never;
}[keyof Fields];

type Values<Fields> = { [Name in KeysOf<Fields, "value">]: Value<Fields[Name]> };

type OwnValues = { created_at: Date; updated_at: Date };

/** A row as `findOne` gives it; media fields are there when `with` asks for them. */
export type RowOf<E extends Entity, Media> =
  E extends Entity<infer Name, infer Fields, infer Id>
    ? Simplify<
        (Name extends "media" ? Omit<MediaRow, keyof Fields> : { id: Id } & OwnValues) &
          Values<Fields> & {
            [Field in KeysOf<Fields, "medium">]?: Media | null;
          } & { [Field in KeysOf<Fields, "media">]?: Media[] } & {
            readonly [entityOf]?: E;
          }
      >
    : never;

/** A media record to be made: its file, and its fields. */
export type NewMedia = {
  file: FileInput;
  name?: string;
  type?: string;
  [field: string]: unknown;
};

/** What changes a `medium()`. */
export interface MediumChange {
  $create?: NewMedia;
  /** Replaces the one there is; null takes it away. */
  $set?: Ref | { readonly id: null } | null;
}

/** A link to be made: where in the list, and what it holds itself. */
export type Item =
  | Ref
  | {
      readonly id: Id | { readonly $ref: string };
      readonly at?: "first" | "last" | { readonly before: Ref } | { readonly after: Ref };
      readonly meta?: Readonly<Record<string, unknown>> | null;
    };

/** What changes a `media()`, in this order: $set, $detach, $attach, $create. */
export interface MediaChange {
  $create?: NewMedia | readonly NewMedia[];
  /** Replaces all of them, in this order. */
  $set?: readonly Item[];
  /** Adds them, at the end where nothing else is said. */
  $attach?: readonly Item[];
  /** Takes the links away; the media stay. */
  $detach?: readonly Ref[];
}

/** By the names of their ends, relations between entities take operators too. */
type Ends = { [end: string]: unknown };

type Written<T> = T extends Date ? Date | string : T;

type Optional<Fields> = {
  [Name in KeysOf<Fields, "value">]?: Written<Value<Fields[Name]>>;
} & { [Name in KeysOf<Fields, "medium">]?: MediumChange } & {
  [Name in KeysOf<Fields, "media">]?: MediaChange;
};

type RequiredNames<Fields> = {
  [Name in keyof Fields]: Fields[Name] extends Field<"value", unknown, true> ? Name : never;
}[keyof Fields];

type Filled<Fields> = {
  [Name in RequiredNames<Fields>]: Written<Value<Fields[Name]>>;
};

/** A loosely typed row: that of an entity which the types do not know. */
export type AnyRow = Record<string, any>;

/** Whether the types know the fields of a row. */
type Known<Row, Then, Else> = [FieldsOf<Row>] extends [never] ? Else : Then;

/** What `insertOne` takes. */
export type NewRecord<Row> = Known<
  Row,
  Filled<FieldsOf<Row>> & Optional<FieldsOf<Row>> & OfMedia<Row> & Ends,
  AnyRow
>;

type OfMedia<Row> = Row extends { blob: string } ? { file: FileInput } : unknown;

/** What `updateOne` takes. */
export type RecordChange<Row> = Known<Row, Optional<FieldsOf<Row>> & Ends, AnyRow>;

// ---- Reading ------------------------------------------------------------------------------------

export type Direction = "asc" | "desc";

/** `"-created_at"`, `{ created_at: "desc" }`, `{ by, dir }`, or several. */
export type Order =
  | string
  | Readonly<Record<string, Direction>>
  | { readonly by: string; readonly dir?: Direction }
  | readonly Order[];

type Scalar = string | number | boolean | Date | null;

export interface Operators<T = unknown> {
  $eq?: T | null;
  $ne?: T | null;
  $gt?: T;
  $gte?: T;
  $lt?: T;
  $lte?: T;
  $between?: readonly [T, T];
  $in?: readonly T[];
  $notin?: readonly T[];
  $isnull?: boolean;
  $like?: string;
  $ilike?: string;
  $startsWith?: string;
  $endsWith?: string;
  $contains?: string;
  $and?: unknown;
  $or?: unknown;
  $not?: unknown;
}

type Test<T> = Written<T> | Operators<Written<T>> | null;

type Tests<Row> = {
  [Name in keyof Row as Row[Name] extends Scalar ? Name : never]?: Test<Row[Name]>;
};

/** Conditions, all of which hold. Dotted paths reach into json and through relations. */
export type Where<Row = AnyRow> = Tests<Row> & { readonly [path: string]: unknown };

/** What is read along, by the names of media fields and relations. */
export type With =
  boolean | string | readonly string[] | { readonly [name: string]: boolean | RelatedQuery };

export interface RelatedQuery {
  where?: Where;
  with?: With;
  select?: readonly string[];
  orderBy?: Order;
  sort?: Order;
  limit?: number;
  offset?: number;
}

/** The names that a `with` asks for. */
type Asked<W> = W extends string
  ? W
  : W extends readonly (infer Name)[]
    ? Name
    : { [Name in keyof W]: W[Name] extends false ? never : Name }[keyof W];

type NoLongerOptional<T> = T extends undefined ? never : T;

/** The row with what `with` asked for in it. */
export type RowWith<Row, W> = [W] extends [undefined]
  ? Row
  : Row & {
      [Name in Extract<Asked<W>, string>]: Name extends keyof Row
        ? NoLongerOptional<Row[Name]>
        : any;
    };
