/**
 * The types of rows, of what is written to them and of what is read with them, inferred from a
 * schema. Nothing of this file is there when a program runs.
 */
import type { Field } from "./fields.js";
import type { FileInput } from "./files.js";
import type { From, InverseOf, Relation, To } from "./relations.js";
import type { Entity } from "./schema.js";

export type Id = number | string;

/** Stands for a record that the same transaction makes. */
type Made = { readonly $ref: string };

/** What leads to a record. `$ref` names one that the same transaction makes. */
export type Ref<Of extends Id = Id> = Of | { readonly id: Of } | Made;

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

/** What the types know of a row: its entity, and the relations of the schema (unknown: none told). */
interface About<E extends Entity, Relations> {
  readonly entity: E;
  readonly relations: Relations;
}

/** Leads from the type of a row to what is known of it. */
declare const about: unique symbol;

/** Never, for a row whose fields the types do not know. */
type AboutRow<Row> = string extends keyof Row
  ? never
  : Row extends { readonly [about]?: infer Known }
    ? Extract<Known, About<any, any>>
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

/** A row as `findOne` gives it; media fields and relations are there when `with` asks for them. */
export type RowOf<E extends Entity, Media, Relations> =
  E extends Entity<infer Name, infer Fields, infer Id>
    ? Simplify<
        (Name extends "media" ? Omit<MediaRow, keyof Fields> : { id: Id } & OwnValues) &
          Values<Fields> & {
            [Field in KeysOf<Fields, "medium">]?: Media | null;
          } & { [Field in KeysOf<Fields, "media">]?: Media[] } & References<Name, Relations> &
          SourceEnds<Name, Media, Relations> &
          TargetEnds<Name, Media, Relations> & {
            readonly [about]?: About<E, Relations>;
          }
      >
    : never;

// ---- Relations between entities -----------------------------------------------------------------

/** The relations that the types know of; never when nothing was told. */
type Told<Relations> = unknown extends Relations ? never : Relations;

type RelationsFrom<Name extends string, Relations> = From<Name, Told<Relations>>;
type RelationsTo<Name extends string, Relations> = To<Name, Told<Relations>>;

type OfKind<One, Kind> = One extends Relation ? (One["kind"] extends Kind ? One : never) : never;

/** `author_id`: the values that relations to one record are. */
type References<Name extends string, Relations> = {
  [One in OfKind<RelationsFrom<Name, Relations>, "n:1" | "1:1"> as ReferenceName<One>]:
    One["target"]["_id"] | (One["required"] extends true ? never : null);
};

type ReferenceName<One extends Relation> = `${One["end"]}_id`;

type SourceEnds<Name extends string, Media, Relations> = {
  [One in RelationsFrom<Name, Relations> as One["end"]]?: One["kind"] extends "m:n"
    ? Linked<RowOf<One["target"], Media, Relations>, One>[]
    : RowOf<One["target"], Media, Relations> | null;
};

type TargetEnds<Name extends string, Media, Relations> = {
  [One in RelationsTo<Name, Relations> as InverseOf<One, Relations>]?: One["kind"] extends "1:1"
    ? RowOf<One["source"], Media, Relations> | null
    : One["kind"] extends "m:n"
      ? Linked<RowOf<One["source"], Media, Relations>, One>[]
      : RowOf<One["source"], Media, Relations>[];
};

/** The link that led to the row, with what it holds. */
type Linked<Row, One extends Relation> = Row & {
  readonly $link?: { readonly position: string; readonly meta: MetaOf<One> | null };
};

/** Where no fields are declared for links, they hold anything. */
type MetaOf<One extends Relation> = [keyof One["linkFields"]] extends [never]
  ? Record<string, unknown>
  : Values<One["linkFields"]>;

// ---- Writing ------------------------------------------------------------------------------------

/** A media record to be made: its file, and its fields. */
export type NewMedia = {
  file: FileInput;
  name?: string;
  type?: string;
  [field: string]: unknown;
};

/** What changes an end that leads to one record, or none. */
export interface ToOneChange<New, Of extends Id = Id> {
  $create?: New;
  /** Replaces the one there is; null takes it away. */
  $set?: Ref<Of> | { readonly id: null } | null;
}

/** What changes an end that leads to many, in this order: $set, $detach, $attach, $create. */
export interface ToManyChange<New, Item, Of extends Id = Id> {
  $create?: New | readonly New[];
  /** Replaces all of them; where the order is kept, in this order. */
  $set?: readonly Item[];
  /** Adds them, at the end where nothing else is said. */
  $attach?: readonly Item[];
  /** Takes the links away; the records stay. */
  $detach?: readonly Ref<Of>[];
}

interface Placed<Of extends Id> {
  readonly at?: "first" | "last" | { readonly before: Ref<Of> } | { readonly after: Ref<Of> };
}

interface Holding<Meta> {
  readonly meta?: Readonly<Meta> | null;
}

/** A link to be made, and what there is to be said of it. */
type LinkTo<Of extends Id, Said> = Ref<Of> | ({ readonly id: Of | Made } & Said);

/** A link to a media: where in the list, and what it holds itself. */
export type Item = LinkTo<Id, Placed<Id> & Holding<Record<string, unknown>>>;

/** What changes a `medium()`. */
export type MediumChange = ToOneChange<NewMedia>;

/** What changes a `media()`. */
export type MediaChange = ToManyChange<NewMedia, Item>;

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

/** Ends of relations by their names: what the types were not told of is the daemon's to check. */
type Ends<E extends Entity, Relations, Except extends string> = unknown extends Relations
  ? { [end: string]: unknown }
  : ReferenceChanges<RelationsFrom<E["name"], Relations>, Except> &
      FromChanges<RelationsFrom<E["name"], Relations>, Relations, Except> &
      ToChanges<RelationsTo<E["name"], Relations>, Relations>;

type ReferenceChanges<Ones, Except extends string> = {
  [One in OfKind<Ones, "n:1" | "1:1"> as Exclude<ReferenceName<One>, `${Except}_id`>]?:
    One["target"]["_id"] | Made | null;
};

type FromChanges<Ones, Relations, Except extends string> = {
  [One in Extract<Ones, Relation> as Exclude<One["end"], Except>]?: One["kind"] extends "m:n"
    ? ToManyChange<
        NewOf<One["target"], Relations>,
        LinkTo<One["target"]["_id"], Placed<One["target"]["_id"]> & Holding<Partial<MetaOf<One>>>>,
        One["target"]["_id"]
      >
    : ToOneChange<NewOf<One["target"], Relations>, One["target"]["_id"]>;
};

/** What is made from the target's end leads back by itself: that is not said in it. */
type ToChanges<Ones, Relations> = {
  [One in Extract<Ones, Relation> as InverseOf<One, Relations>]?: One["kind"] extends "1:1"
    ? ToOneChange<NewOf<One["source"], Relations, One["end"]>, One["source"]["_id"]>
    : One["kind"] extends "m:n"
      ? ToManyChange<
          NewOf<One["source"], Relations, One["end"]>,
          LinkTo<One["source"]["_id"], Holding<Partial<MetaOf<One>>>>,
          One["source"]["_id"]
        >
      : ToManyChange<
          NewOf<One["source"], Relations, One["end"]>,
          Ref<One["source"]["_id"]>,
          One["source"]["_id"]
        >;
};

/** Relations that a new record has to have: by their value, or by their name. */
type RequiredEnds<E extends Entity, Relations, Except extends string> = AllOf<
  RequiredEnd<OfKind<RelationsFrom<E["name"], Relations>, "n:1" | "1:1">, Relations, Except>
>;

type RequiredEnd<One, Relations, Except extends string> = One extends Relation
  ? One["required"] extends true
    ? One["end"] extends Except
      ? never
      : // Boxed, so that what is either stays together.
        [
          | { [Name in ReferenceName<One>]: One["target"]["_id"] | Made }
          | {
              [Name in One["end"]]:
                { $set: Ref<One["target"]["_id"]> } | { $create: NewOf<One["target"], Relations> };
            },
        ]
    : never
  : never;

type AllOf<Boxes> = [Boxes] extends [never]
  ? unknown
  : (Boxes extends unknown ? (box: Boxes) => void : never) extends (boxes: infer All) => void
    ? All extends [infer Each]
      ? Each
      : never
    : never;

/** A record to be made. `Except`: the end that it is made under. */
type NewOf<E extends Entity, Relations, Except extends string = never> = Filled<E["fields"]> &
  Optional<E["fields"]> &
  (E["name"] extends "media" ? { file: FileInput } : unknown) &
  RequiredEnds<E, Relations, Except> &
  Ends<E, Relations, Except>;

/** A loosely typed row: that of an entity which the types do not know. */
export type AnyRow = Record<string, any>;

/** What `insertOne` takes. */
export type NewRecord<Row> = [AboutRow<Row>] extends [never]
  ? AnyRow
  : AboutRow<Row> extends About<infer E, infer Relations>
    ? NewOf<E, Relations>
    : never;

/** What `updateOne` takes. */
export type RecordChange<Row> = [AboutRow<Row>] extends [never]
  ? AnyRow
  : AboutRow<Row> extends About<infer E, infer Relations>
    ? Optional<E["fields"]> & Ends<E, Relations, never>
    : never;

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

/** The names that a row can be read with: media fields and ends of relations. */
type NamesOf<Row> = [AboutRow<Row>] extends [never]
  ? string
  : AboutRow<Row> extends About<infer E, infer Relations>
    ? unknown extends Relations
      ? string
      : | (KeysOf<E["fields"], "medium" | "media"> & string)
        | (RelationsFrom<E["name"], Relations> extends infer One
            ? One extends Relation
              ? One["end"]
              : never
            : never)
        | InverseOf<RelationsTo<E["name"], Relations>, Relations>
        | (E["name"] extends "media" ? "reference" : never)
    : string;

/** What is read along, by the names of media fields and relations; true: all that the row has. */
export type With<Row = AnyRow> =
  | boolean
  | NamesOf<Row>
  | readonly NamesOf<Row>[]
  | { readonly [Name in NamesOf<Row>]?: boolean | RelatedQuery<RowAt<Row, Name>> };

/** The rows that a name leads to. */
type RowAt<Row, Name> = Name extends keyof Row
  ? NonNullable<Row[Name]> extends readonly (infer One)[]
    ? One
    : NonNullable<Row[Name]>
  : AnyRow;

export interface RelatedQuery<Row = AnyRow> {
  where?: Where<Row>;
  with?: With<Row>;
  select?: readonly string[];
  orderBy?: Order;
  sort?: Order;
  limit?: number;
  offset?: number;
  /** Go on behind the page that had this `$more`; of one record. */
  cursor?: string;
}

/** Refuses names that a `with` cannot ask for: in a type that was inferred, compilers pass over them. */
export type NoOthers<Row, W> = W extends readonly (infer Name)[]
  ? [Exclude<Name, NamesOf<Row>>] extends [never]
    ? unknown
    : readonly NamesOf<Row>[]
  : W extends boolean | string | undefined
    ? unknown
    : { readonly [Name in Exclude<keyof W, NamesOf<Row>>]: never };

/** The names that a `with` asks for. */
type Asked<W> = W extends string
  ? W
  : W extends readonly (infer Name)[]
    ? Name
    : { [Name in keyof W]: W[Name] extends false ? never : Name }[keyof W];

type NoLongerOptional<T> = T extends undefined ? never : T;

/** What was asked for under a name, and what that was read with. */
type Along<T, W, Name> = Name extends keyof W
  ? W[Name] extends { readonly with: infer Inner }
    ? Deeper<T, Inner>
    : T
  : T;

type Deeper<T, W> = T extends null
  ? null
  : T extends readonly (infer One)[]
    ? RowWith<One, W>[]
    : RowWith<T, W>;

/** The row with what `with` asked for in it. */
export type RowWith<Row, W> = [W] extends [undefined]
  ? Row
  : W extends true
    ? Row
    : Omit<Row, Extract<Asked<W>, keyof Row>> & {
        [Name in Extract<Asked<W>, string>]: Name extends keyof Row
          ? Along<NoLongerOptional<Row[Name]>, W, Name>
          : any;
      } & (W extends object ? { readonly $more?: More } : unknown);

/** Of lists that a limit cut: the cursors with which a `with` goes on. */
export type More = Readonly<Record<string, string>>;
