/**
 * The fields of an entity: `text().required()`, `number({ minimum: 0 })`, `medium()`, `media()` ….
 * What they describe is what bknd's `schema.toJSON()` writes; options are checked by the daemon.
 */

/** What a field holds, for the types of rows: a value, one media, or many. */
export type FieldKind = "value" | "medium" | "media";

export interface FieldConfig {
  label?: string;
  description?: string;
  default_value?: unknown;
  fillable?: boolean | ("create" | "read" | "update" | "delete")[];
  hidden?: boolean | ("create" | "read" | "update" | "delete" | "form" | "table" | "submit")[];
  /** The name before; its data is kept. */
  renamed_from?: string;
}

export interface TextConfig extends FieldConfig {
  default_value?: string;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
}

export interface NumberConfig extends FieldConfig {
  default_value?: number;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  multipleOf?: number;
}

export interface BooleanConfig extends FieldConfig {
  default_value?: boolean;
}

export interface DateConfig extends FieldConfig {
  min_date?: string;
  max_date?: string;
  timezone?: "UTC";
}

export interface EnumConfig<Value extends string> extends FieldConfig {
  enum: readonly Value[] | readonly { readonly label: string; readonly value: Value }[];
  default_value?: NoInfer<Value>;
}

export interface JsonSchemaConfig extends FieldConfig {
  schema?: object;
  ui_schema?: object;
  default_from_schema?: boolean;
}

export interface MediumConfig extends Omit<FieldConfig, "default_value"> {
  min_items?: number;
  /** Globs such as `image/*`; none: any. */
  mime_types?: readonly string[];
  /** Of each media; none: as many as the daemon takes. */
  max_bytes?: number;
  /** What deleting the owner does to its media. */
  on_delete?: "detach" | "collect" | "restrict";
  with_limit?: number;
}

export interface MediaConfig extends MediumConfig {
  max_items?: number;
}

export class Field<
  Kind extends FieldKind = FieldKind,
  Value = unknown,
  Required extends boolean = boolean,
> {
  declare readonly _kind: Kind;
  declare readonly _type: Value;
  declare readonly _required: Required;

  /** The type on the wire; `config` as far as it was given. */
  constructor(
    readonly type: string,
    readonly config: Readonly<Record<string, unknown>>,
    readonly isRequired = false,
  ) {}

  /** Neither null nor left out. */
  required(): Field<Kind, Value, true> {
    return new Field(this.type, this.config, true);
  }
}

type ValueField<Value> = Field<"value", Value, false>;

export function text(config: TextConfig = {}): ValueField<string> {
  return new Field("text", { ...config });
}

/** A finite double. */
export function number(config: NumberConfig = {}): ValueField<number> {
  return new Field("number", { ...config });
}

export function boolean(config: BooleanConfig = {}): ValueField<boolean> {
  return new Field("boolean", { ...config });
}

/** A day: `"2026-11-22"`. */
export function date(config: DateConfig = {}): ValueField<string> {
  return new Field("date", { ...config, type: "date" });
}

/** An instant; read as a `Time`. */
export function datetime(config: DateConfig = {}): ValueField<Date> {
  return new Field("date", { ...config, type: "datetime" });
}

/** One of some texts. */
export function enumm<const Value extends string>(config: EnumConfig<Value>): ValueField<Value> {
  const { enum: values, ...rest } = config;
  const type = typeof values[0] === "string" ? "strings" : "objects";
  return new Field("enum", { ...rest, options: { type, values } });
}

export function json<Value = unknown>(config: FieldConfig = {}): ValueField<Value> {
  return new Field("json", { ...config });
}

/** A value that fits a JSON Schema. */
export function jsonSchema<Value = unknown>(config: JsonSchemaConfig = {}): ValueField<Value> {
  return new Field("jsonschema", { ...config });
}

const ofMedia = { required: false, fillable: ["update"], virtual: true, mime_types: [] };

/** One media, or none. */
export function medium(config: MediumConfig = {}): Field<"medium", never, false> {
  return new Field("media", { ...ofMedia, ...config, max_items: 1 });
}

/** An ordered list of media. */
export function media(config: MediaConfig = {}): Field<"media", never, false> {
  return new Field("media", { ...ofMedia, ...config });
}
