/** The log: what was committed, by whom, and what is different between two commits. */
import { EmstoreError } from "./errors.js";
import { withoutUndefined, type Requests } from "./requests.js";
import { listIn } from "./results.js";
import type { Id } from "./rows.js";

/** A commit, as `log.read` and the feed give it. */
export interface Commit {
  readonly sequence: number;
  /** As stored; a feed has them only of a commit that is too large to be decoded on the way. */
  readonly bytes?: Uint8Array;
  readonly time?: Date;
  readonly peer?: { readonly uid: number; readonly gid: number; readonly pid: number };
  readonly events?: readonly { readonly kind: string; readonly [detail: string]: unknown }[];
  readonly [detail: string]: unknown;
}

export type LinkOperator = "$set" | "$detach" | "$attach" | "$create" | "delete";

/** Which commits: all that is said holds, of one event where it is about events. */
export interface LogQuery {
  /** The first and the last one, both included. */
  from?: number;
  to?: number;
  since?: Date | string;
  until?: Date | string;
  /** From the end. */
  reverse?: boolean;
  entity?: string;
  /** About this record of the entity; found by its own chain. */
  id?: Id;
  /** Changing this field of the entity. */
  field?: string;
  /** Links, by these. */
  operators?: readonly LinkOperator[];
  /** About this media, or a link to it. */
  media?: number;
  /** Of this user. */
  uid?: number;
}

/** A record that is not as it was: null where there was none, or is none. */
export interface Difference {
  readonly entity: string;
  readonly id: Id;
  readonly before: Record<string, any> | null;
  readonly after: Record<string, any> | null;
}

interface Page {
  readonly commits: readonly Commit[];
  readonly next: number;
  readonly more: boolean;
}

/** Every commit that the query asks for. A page may be empty while others follow. */
export async function* commits(
  requests: Requests,
  query: LogQuery,
): AsyncGenerator<Commit, void, undefined> {
  const place = query.reverse ? "to" : "from";
  for (let asked = withoutUndefined(query); ;) {
    const page = (await requests.read("log.read", asked)) as Page;
    yield* listIn("log.read", page, "commits");
    if (!page.more) return;
    asked = { ...asked, [place]: page.next };
  }
}

export async function commitOf(requests: Requests, sequence: number): Promise<Commit> {
  const asked = { from: sequence, limit: 1 };
  const [commit] = listIn("log.read", await requests.read("log.read", asked), "commits");
  if (commit?.sequence === sequence) return commit;
  throw new EmstoreError("out_of_range", `commit ${sequence} has not been made`, {
    path: "sequence",
    hint: "`log` gives the commits",
  });
}

/** Records that a commit after `from` and up to `to` touched, and that are different. */
export async function* differences(
  requests: Requests,
  from: number,
  to: number,
  of: Pick<LogQuery, "entity" | "id">,
): AsyncGenerator<Difference, void, undefined> {
  if (from > to) {
    throw new EmstoreError("out_of_range", `commit ${from} comes after commit ${to}`, {
      path: "from",
      hint: "say the earlier one first",
    });
  }
  if (from === to) return;
  for (const record of await touched(requests, { from: from + 1, to, ...of })) {
    const before = await asOf(requests, record, from);
    const after = await asOf(requests, record, to);
    if (JSON.stringify(before) === JSON.stringify(after)) continue;
    yield { entity: record.entity, id: record.id, before, after };
  }
}

interface Touched {
  readonly entity: string;
  readonly id: Id;
  /** Fields whose links changed. */
  readonly links: Set<string>;
}

/** In the order of entities and ids. */
async function touched(requests: Requests, query: LogQuery): Promise<Touched[]> {
  const records = new Map<string, Touched>();
  for await (const { events = [] } of commits(requests, query)) {
    for (const { entity, id, field } of events as readonly Partial<Touched & { field: string }>[]) {
      if (entity === undefined || id === undefined) continue;
      if (query.entity !== undefined && entity !== query.entity) continue;
      if (query.id !== undefined && id !== query.id) continue;
      const key = JSON.stringify([entity, id]);
      const record = records.get(key) ?? { entity, id, links: new Set() };
      if (field !== undefined) record.links.add(field);
      records.set(key, record);
    }
  }
  return [...records.values()].sort(
    (one, other) => compare(one.entity, other.entity) || compare(one.id, other.id),
  );
}

function compare<T extends Id>(one: T, other: T): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** Null when the record was not there, its entity included. */
async function asOf(
  requests: Requests,
  { entity, id, links }: Touched,
  sequence: number,
): Promise<Record<string, any> | null> {
  if (sequence === 0) return null;
  const query = Object.fromEntries([...links].map((name) => [name, { select: ["id", "$link"] }]));
  try {
    const asked = { as_of: sequence, with: query };
    return ((await requests.read("findId", entity, id, asked)) as any).data;
  } catch (cause) {
    const isUnknown =
      cause instanceof EmstoreError && ["unknown_entity", "unknown_relation"].includes(cause.code);
    if (isUnknown) return null;
    throw cause;
  }
}
