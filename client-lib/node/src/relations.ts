/**
 * Relations between entities as the types see them: which entity leads to which, and by which names.
 * They know those that the callback of `em` returns. Nothing of this file is there when a program runs.
 */
import type { Entity, Fields } from "./schema.js";

export type RelationKind = "n:1" | "1:1" | "m:n";

/** One relation. `inverse` is never where the schema does not name the target's end. */
export interface Relation<
  Kind extends RelationKind = RelationKind,
  Source extends Entity = Entity,
  Target extends Entity = Entity,
  End extends string = string,
  Inverse extends string = string,
  Required extends boolean = boolean,
  LinkFields extends Fields = Fields,
> {
  readonly kind: Kind;
  readonly source: Source;
  readonly target: Target;
  /** What the source calls it. */
  readonly end: End;
  readonly inverse: Inverse;
  readonly required: Required;
  /** What a link of many-to-many holds. */
  readonly linkFields: LinkFields;
}

/** The name that a config gives, or that which is taken without it. */
export type NameIn<Config, Option extends string, Else> = Config extends {
  readonly [Name in Option]: infer Name extends string;
}
  ? Name
  : Else;

export type RequiredIn<Config> = Config extends { readonly required: true } ? true : false;

/** The relations whose source is the entity of that name. */
export type From<Name extends string, Relations> = Relations extends Relation
  ? Relations["source"]["name"] extends Name
    ? Relations
    : never
  : never;

/** The relations that lead to it. */
export type To<Name extends string, Relations> = Relations extends Relation
  ? Relations["target"]["name"] extends Name
    ? Relations
    : never
  : never;

/** What the target calls a relation: as docs/protocol.md says under "Relations". */
export type InverseOf<One, All> = One extends Relation
  ? [One["inverse"]] extends [never]
    ? IsFree<One, All> extends true
      ? One["source"]["name"]
      : `${One["source"]["name"]}_${One["end"]}`
    : One["inverse"]
  : never;

type IsFree<One extends Relation, All> = [Exclude<UnnamedEnds<One, All>, One["end"]>] extends [
  never,
]
  ? One["source"]["name"] extends Taken<One["target"], All>
    ? false
    : true
  : false;

/** The source's names of all its relations to that target whose other end has no name. */
type UnnamedEnds<One extends Relation, All> =
  To<One["target"]["name"], From<One["source"]["name"], All>> extends infer Sibling
    ? Sibling extends Relation
      ? [Sibling["inverse"]] extends [never]
        ? Sibling["end"]
        : never
      : never
    : never;

/** The names that a target has already. */
type Taken<Target extends Entity, All> =
  | (keyof Target["fields"] & string)
  | EndsOf<From<Target["name"], All>>
  | To<Target["name"], All>["inverse"];

type EndsOf<Relations> = Relations extends Relation ? Relations["end"] : never;
