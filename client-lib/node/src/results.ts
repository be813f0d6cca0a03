/**
 * What calls answer. Each answer is what was asked for, row or list, and carries under `data` the
 * same once more, as bknd has it, and beside it what the daemon says of it. These names stand for the
 * answer also where a field is called the same; that field is in `data`.
 */

import { noAnswer } from "./errors.js";

/** Of a read. */
export interface Meta {
  /** The commit as of which the answer holds. */
  readonly sequence: number;
  /** Of the record, for `expected`. */
  readonly version?: number;
  readonly hasMore?: boolean;
  /** Where the next page begins. */
  readonly cursor?: string;
  readonly count?: number;
}

/** A record that was found: the row itself. */
export type Found<Row> = Omit<Row, "data" | "meta"> & { readonly data: Row; readonly meta: Meta };

/** None was found. `data` tells: `if (post.data) …`. */
export type Missing<Row> = { readonly [Name in keyof Omit<Row, "data" | "meta">]?: undefined } & {
  readonly data: null;
  readonly meta: Meta;
};

export type MaybeFound<Row> = Found<Row> | Missing<Row>;

/** The list itself. */
export type FoundMany<Row> = Row[] & { readonly data: Row[]; readonly meta: Meta };

/** What became of a media field or an end of a relation, by id. */
export interface Changes {
  readonly added: readonly (number | string)[];
  readonly removed: readonly (number | string)[];
  readonly moved: readonly (number | string)[];
  readonly already: readonly (number | string)[];
  readonly missing: readonly (number | string)[];
}

interface Changed {
  /** Of the record: the last commit that touched it. */
  readonly version: number;
  /** By field. */
  readonly changes: Readonly<Record<string, Changes>>;
}

interface Committed {
  /** The commit. */
  readonly sequence: number;
  /** An earlier request with the same key was answered again. */
  readonly replayed: boolean;
}

type MutationWords = "data" | "changes" | "version" | "sequence" | "replayed" | "plan";

/** One mutation. The fields are those that changed; with an insert all of them. */
export type Mutation<Row> = Omit<Row, MutationWords> & {
  readonly data: Row;
  /** What a `dry_run` would do. */
  readonly plan?: readonly PlannedChange[];
} & Changed &
  Committed;

export interface PlannedChange {
  readonly action: "created" | "updated" | "deleted";
  readonly entity: string;
  readonly id: number | string;
  readonly fields: readonly string[];
}

/** Several records in one commit. */
export type ManyMutation<Row> = (Omit<Row, "data" | keyof Changed> & {
  readonly data: Row;
} & Changed)[] & {
  readonly data: Row[];
  /** Of updateWhere and deleteWhere with a limit: whether others match. */
  readonly hasMore?: boolean;
  /** What a `dry_run` would do. */
  readonly plan?: readonly PlannedChange[];
} & Committed;

type Answer = Record<string, any>;

/** A list within an answer. */
export function listIn(method: string, answer: unknown, name: string): any[] {
  const list = (answer as Record<string, unknown>)[name];
  if (Array.isArray(list)) return list;
  throw noAnswer(method, `the list "${name}"`);
}

/** What the operations of a transaction answered, and what stands beside it. */
export function transacted(answer: unknown): any {
  const results = listIn("a transaction", answer, "results");
  return { ...(answer as Answer), results: results.map(resultOf) };
}

function resultOf(result: Answer | null): unknown {
  if (result === null) return null;
  return Array.isArray(result.data) ? mutatedMany(result) : mutated(result);
}

/** Puts `beside` next to what an answer is, out of the way of those who list its members. */
function attach<T extends object>(to: T, beside: Answer): T {
  for (const [name, value] of Object.entries(beside)) {
    Object.defineProperty(to, name, {
      value,
      enumerable: false,
      configurable: true,
      writable: true,
    });
  }
  return to;
}

export function foundOne(answer: unknown): any {
  const { data, meta } = answer as Answer;
  return attach({ ...data }, { data, meta });
}

export function foundMany(answer: unknown): any {
  const data = listIn("a query", answer, "data");
  return attach([...data], { data, meta: (answer as Answer).meta });
}

export function mutated(answer: unknown): any {
  const { id, data, ...beside } = answer as Answer;
  return attach({ id, ...data }, { ...beside, data });
}

export function mutatedMany(answer: unknown): any {
  const data = listIn("a mutation", answer, "data");
  const { data: _, ...beside } = answer as Answer;
  const rows = data.map((one: Answer) => one.data);
  return attach(data.map(mutated), { ...beside, data: rows });
}
