/**
 * Schemas: entities, their relations and indices. `toJSON()` gives the document that bknd's gives,
 * which is what `schema.apply` takes; whether it holds together is the daemon's to say.
 */
import { EmstoreError } from "./errors.js";
import type { Field } from "./fields.js";
import type { NameIn, Relation, RequiredIn } from "./relations.js";
import type { MediaRow, RowOf } from "./rows.js";

export interface EntityConfig {
  name?: string;
  name_singular?: string;
  label?: string;
  description?: string;
  sort_field?: string;
  sort_dir?: "asc" | "desc";
  primary_format?: "integer" | "uuid";
  renamed_from?: string;
}

export type Fields = Record<string, Field>;

export class Entity<
  Name extends string = string,
  EntityFields extends Fields = Fields,
  Id extends number | string = number | string,
> {
  declare readonly _id: Id;

  constructor(
    readonly name: Name,
    readonly fields: EntityFields,
    readonly config: EntityConfig,
    readonly type: "regular" | "system",
  ) {}
}

type IdOf<Config> = Config extends { primary_format: "uuid" } ? string : number;

/** An entity and its fields. `id`, `created_at` and `updated_at` need not be said. */
export function entity<
  const Name extends string,
  EntityFields extends Fields,
  const Config extends EntityConfig = {},
>(name: Name, fields: EntityFields, config?: Config): Entity<Name, EntityFields, IdOf<Config>> {
  return new Entity(name, fields, config ?? {}, "regular");
}

/** The entity that emstore has by itself, `media`, with fields of your own. */
export function systemEntity<EntityFields extends Fields>(
  name: "media",
  fields: EntityFields,
  config: EntityConfig = {},
): Entity<"media", EntityFields, number> {
  return new Entity(name, fields, config, "system");
}

type OnDelete = "set null" | "restrict" | "cascade";

export interface ToOneConfig {
  mappedBy?: string;
  inversedBy?: string;
  required?: boolean;
  with_limit?: number;
  on_delete?: OnDelete;
  fieldConfig?: object;
}

export interface ToManyConfig {
  mappedBy?: string;
  inversedBy?: string;
  connectionTable?: string;
  connectionTableMappedName?: string;
  with_limit?: number;
  on_delete?: OnDelete;
}

export interface PolyConfig {
  /** The `medium()` or `media()` field. */
  mappedBy: string;
  with_limit?: number;
}

/** Leads from what was built to the types of the relations in it. */
declare const made: unique symbol;

/** Relations of one entity; calls may be chained. `Made` are those it has by now. */
export interface Relating<Source extends Entity = Entity, Made = never> {
  readonly [made]: Made;
  manyToOne<Target extends Entity, const Config extends ToOneConfig = {}>(
    target: Target,
    config?: Config,
  ): Relating<Source, Made | ToOne<"n:1", Source, Target, Config>>;
  oneToOne<Target extends Entity, const Config extends ToOneConfig = {}>(
    target: Target,
    config?: Config,
  ): Relating<Source, Made | ToOne<"1:1", Source, Target, Config>>;
  /** `fields`: what a link holds besides, as its `meta`. */
  manyToMany<
    Target extends Entity,
    const Config extends ToManyConfig = {},
    LinkFields extends Fields = {},
  >(
    target: Target,
    config?: Config,
    fields?: LinkFields,
  ): Relating<Source, Made | ToMany<Source, Target, Config, LinkFields>>;
  polyToOne(target: Entity, config: PolyConfig): Relating<Source, Made>;
  polyToMany(
    target: Entity,
    config: PolyConfig & { targetCardinality?: number },
  ): Relating<Source, Made>;
}

type ToOne<
  Kind extends "n:1" | "1:1",
  Source extends Entity,
  Target extends Entity,
  Config,
> = Relation<
  Kind,
  Source,
  Target,
  NameIn<Config, "mappedBy", Target["name"]>,
  NameIn<Config, "inversedBy", never>,
  RequiredIn<Config>,
  {}
>;

type ToMany<
  Source extends Entity,
  Target extends Entity,
  Config,
  LinkFields extends Fields,
> = Relation<
  "m:n",
  Source,
  Target,
  NameIn<Config, "mappedBy", Target["name"]>,
  NameIn<Config, "inversedBy", never>,
  false,
  LinkFields
>;

/** Indices of one entity; calls may be chained. */
export interface Indexing<EntityFields extends Fields> {
  on(fields: readonly (keyof EntityFields & string)[], unique?: boolean): Indexing<EntityFields>;
}

export interface Builders {
  relation<Source extends Entity>(source: Source): Relating<Source>;
  index<EntityFields extends Fields>(entity: Entity<string, EntityFields>): Indexing<EntityFields>;
}

export type Entities = Record<string, Entity>;

type Named = Record<string, unknown>;

/** What `schema.apply` takes. */
export interface SchemaDocument {
  entities: Record<string, { type: string; fields: Record<string, unknown>; config: object }>;
  relations: Record<string, unknown>;
  indices: Record<string, unknown>;
}

/** The rows of each entity, for `type Database = (typeof schema)["DB"]`. */
export type Rows<All extends Entities, Relations = unknown> = {
  [Name in keyof All]: RowOf<All[Name], MediaOf<All>, Relations>;
};

type MediaOf<All extends Entities> = All extends { media: infer Media extends Entity }
  ? RowOf<Media, never, unknown>
  : MediaRow;

/**
 * The relations in what a callback returns: a chain, or a list of chains. Unknown when it returns
 * nothing: what a callback only does, types cannot see.
 */
export type RelationsIn<Built> = Built extends { readonly [made]: infer Made }
  ? Made
  : Built extends readonly (infer Part)[]
    ? MadeBy<Part>
    : unknown;

type MadeBy<Part> = Part extends { readonly [made]: infer Made } ? Made : never;

export interface Schema<All extends Entities = Entities, Relations = unknown> {
  /** For types alone; there is nothing in it. */
  readonly DB: Rows<All, Relations>;
  readonly entities: All;
  toJSON(): SchemaDocument;
}

export function buildSchema<All extends Entities, const Built = unknown>(
  entities: All,
  build?: (builders: Builders, entities: All) => Built,
): Schema<All, RelationsIn<Built>> {
  const relations: Named = {};
  const indices: Named = {};
  const generated: Named = {};
  const add = (to: Named, what: string, name: string, value: unknown) => {
    if (name in to) throw new EmstoreError("invalid_schema", `${what} ${name} stands there twice`);
    to[name] = value;
  };
  const relation = <Source extends Entity>(source: Source) =>
    relating(
      source,
      (name, value) => add(relations, "relation", name, value),
      generated,
    ) as Relating<Source>;
  const index = <F extends Fields>(of: Entity<string, F>) =>
    indexing(of, (name, value) => add(indices, "index", name, value));
  build?.({ relation, index }, entities);
  return {
    DB: {} as Rows<All, RelationsIn<Built>>,
    entities,
    toJSON: () => ({
      entities: {
        ...describedAll(entities, relations),
        ...(generated as SchemaDocument["entities"]),
      },
      relations: { ...relations },
      indices: { ...indices },
    }),
  };
}

/** What of a relation matters when a program runs. */
type Adding = Record<
  Exclude<keyof Relating, typeof made>,
  (target: Entity, config?: object, fields?: Fields) => Adding
>;

function relating(
  source: Entity,
  add: (name: string, value: unknown) => void,
  generated: Named,
): unknown {
  const addTyped = (type: string, target: Entity, config: Named) => {
    const ends = [source.name, target.name, config.mappedBy, config.inversedBy];
    const parts = [type.replace(":", ""), ...ends];
    const name = parts.filter((part) => part).join("_");
    add(name, { type, source: source.name, target: target.name, config });
    return self;
  };
  const self: Adding = {
    manyToOne: (target, config) => addTyped("n:1", target, { ...config }),
    oneToOne: (target, config) =>
      addTyped("1:1", target, { sourceCardinality: 1, with_limit: 1, ...config }),
    manyToMany(target, config: ToManyConfig = {}, fields) {
      const table = config.connectionTable ?? `${source.name}_${target.name}`;
      add(`mn_${table}`, { type: "m:n", source: source.name, target: target.name, config });
      if (fields)
        generated[table] = {
          ...described(new Entity(table, fields, {}, "regular")),
          type: "generated",
        };
      return self;
    },
    polyToOne: (target, config) => addTyped("poly", target, { ...config, targetCardinality: 1 }),
    polyToMany: (target, config) => addTyped("poly", target, { ...config }),
  };
  return self;
}

function indexing<F extends Fields>(
  of: Entity<string, F>,
  add: (name: string, value: unknown) => void,
): Indexing<F> {
  const self: Indexing<F> = {
    on(fields, unique = false) {
      const name = ["idx", ...(unique ? ["unique"] : []), of.name, ...fields].join("_");
      add(name, { entity: of.name, fields: [...fields], unique });
      return self;
    },
  };
  return self;
}

function describedAll(entities: Entities, relations: Named): SchemaDocument["entities"] {
  const all: SchemaDocument["entities"] = {};
  for (const one of Object.values(entities)) all[one.name] = described(one);
  const isPoly = Object.values(relations).some((one) => (one as { type: string }).type === "poly");
  if (isPoly && all.media)
    Object.assign(all.media.fields, { ...ownerOfMedia(), ...all.media.fields });
  return all;
}

function described(one: Entity): SchemaDocument["entities"][string] {
  const format = one.config.primary_format ?? "integer";
  const fields: Record<string, unknown> = {
    id: { type: "primary", config: { format, fillable: false, required: false } },
  };
  for (const [name, field] of Object.entries(one.fields)) {
    const owner = field.type === "media" ? { entity: one.name } : {};
    fields[name] = {
      type: field.type,
      config: { ...owner, ...field.config, required: field.isRequired },
    };
  }
  return { type: one.type, fields, config: { sort_field: "id", sort_dir: "asc", ...one.config } };
}

/** bknd keeps the one owner of a media here; in emstore they show the oldest link. */
function ownerOfMedia() {
  const config = { hidden: true, fillable: ["create"], required: false };
  return { reference: { type: "text", config }, entity_id: { type: "text", config } };
}
