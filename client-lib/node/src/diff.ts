/**
 * What is different between two commits: of each record that a commit between them touched, how it was
 * then and how it was later. What came and went in between is not told.
 */
import { isDeepStrictEqual } from "node:util";
import { withoutSignal, type Abortable } from "./abort.js";
import { EmstoreError } from "./errors.js";
import { commits } from "./log.js";
import { eventsOf, fieldOf, PastSchemas, type PastEntity, type PastSchema } from "./past_schema.js";
import type { Requests } from "./requests.js";
import type { Id } from "./rows.js";

/** A record that is not as it was: null where there was none, or is none. */
export interface Difference {
  /** What it is called at the later end, or was at the earlier one when it is no more. */
  readonly entity: string;
  readonly id: Id;
  readonly before: Record<string, any> | null;
  readonly after: Record<string, any> | null;
}

/** Which records: all when left out. */
export interface DiffOptions extends Abortable {
  /** By its name at either end. */
  entity?: string;
  id?: Id;
}

type Values = Record<string, any>;

const linksPerPage = 1000;

/** One end of the comparison. */
interface End {
  readonly commit: number;
  readonly schema: PastSchema;
}

interface Touched {
  readonly entity: number;
  readonly name: string;
  readonly id: Id;
  /** Fields whose links changed. */
  readonly links: Set<number>;
}

/** Records that a commit after `from` and up to `to` touched, and that are different. */
export async function* differences(
  requests: Requests,
  from: number,
  to: number,
  of: DiffOptions,
): AsyncGenerator<Difference, void, undefined> {
  if (from > to) {
    throw new EmstoreError("out_of_range", `commit ${from} comes after commit ${to}`, {
      path: "from",
      hint: "say the earlier one first",
    });
  }
  const { signal } = withoutSignal(of);
  const schemas = new PastSchemas(requests, signal);
  const earlier: End = { commit: from, schema: await schemas.asOf(from, "from") };
  const later: End = { commit: to, schema: await schemas.asOf(to, "to") };
  for (const record of await touched(requests, schemas, [earlier, later], of)) {
    const before = await recordAt(requests, earlier, record, signal);
    const after = await recordAt(requests, later, record, signal);
    if (isDeepStrictEqual(compared(record, earlier, before), compared(record, later, after))) continue;
    yield { entity: record.name, id: record.id, before, after };
  }
}

/** An entity as the later end has it, or as it was. */
function entityOf([earlier, later]: readonly [End, End], idOrName: number | string) {
  return later.schema.entity(idOrName) ?? earlier.schema.entity(idOrName);
}

function entityAsked(ends: readonly [End, End], name: string): PastEntity {
  const known = entityOf(ends, name);
  if (known) return known;
  const when = `as of commit ${ends[0].commit} or ${ends[1].commit}`;
  const names = ends[1].schema.entities.map((entity) => entity.name);
  throw new EmstoreError("unknown_entity", `no entity "${name}" ${when}`, {
    path: "entity",
    hint: `there are ${names.join(", ")}`,
  });
}

/** An id that no record of the entity can have would make everything the same. */
function refuseId(entity: PastEntity, id: Id): void {
  const isUuid = entity.config?.primary_format === "uuid";
  if (isUuid ? /^[\da-f-]{36}$/i.test(String(id)) : Number.isInteger(id) && Number(id) > 0) return;
  throw new EmstoreError("wrong_type", `${JSON.stringify(id)} is no id of ${entity.name}`, {
    path: "id",
    hint: isUuid ? "ids here are texts of uuids" : "ids here are integers from 1",
  });
}

/** In the order of entities and ids. */
async function touched(
  requests: Requests,
  schemas: PastSchemas,
  ends: readonly [End, End],
  of: DiffOptions,
): Promise<Touched[]> {
  const wanted = of.entity === undefined ? undefined : entityAsked(ends, of.entity);
  if (wanted && of.id !== undefined) refuseId(wanted, of.id);
  const [{ commit: from }, { commit: to }] = ends;
  if (from === to) return [];
  const records = new Map<string, Touched>();
  // Not by the entity: it may have had another name in between.
  for await (const commit of commits(requests, { from: from + 1, to }, of.signal)) {
    const events = eventsOf(commit);
    const schema = await schemas.version(commit.schema); // Names are those before it.
    for (const { entity: name, id, field } of events as readonly Record<string, any>[]) {
      const entity = name === undefined ? undefined : schema.entity(name);
      if (!entity || id === undefined || id === null) continue;
      if ((wanted?.id ?? entity.id) !== entity.id || (of.id ?? id) !== id) continue;
      const told = entityOf(ends, entity.id);
      if (!told) continue; // It came and went in between.
      const key = JSON.stringify([entity.id, id]);
      const record = records.get(key) ?? { entity: entity.id, name: told.name, id, links: new Set() };
      const link = field === undefined ? undefined : fieldOf(entity, field);
      if (link) record.links.add(link.id);
      records.set(key, record);
    }
  }
  return [...records.values()].sort(
    (one, other) => compare(one.name, other.name) || compare(one.id, other.id),
  );
}

function compare<T extends Id>(one: T, other: T): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** Null when the record was not there, its entity included. */
async function recordAt(
  requests: Requests,
  end: End,
  record: Touched,
  signal: AbortSignal | undefined,
): Promise<Values | null> {
  const entity = end.schema.entity(record.entity);
  if (end.commit === 0 || !entity) return null;
  const links = entity.fields.filter(({ id }) => record.links.has(id));
  const query = Object.fromEntries(links.map(({ name }) => [name, { select: ["id", "$link"] }]));
  const read = async (asked: object) => {
    const params = [entity.name, record.id, { as_of: end.commit, ...asked }];
    const answer = await requests.read("findId", params, signal);
    return (answer as { data: Values | null }).data;
  };
  const values = await read({ with: query });
  if (values) await readOn(read, values);
  return values;
}

/** Reads lists that a limit cut to their end. */
async function readOn(
  read: (asked: object) => Promise<Values | null>,
  values: Values,
): Promise<void> {
  for (let more = values.$more; more; more = values.$more) {
    delete values.$more;
    const query = Object.entries(more).map(([name, cursor]) => [
      name,
      { select: ["id", "$link"], limit: linksPerPage, cursor },
    ]);
    const page = await read({ select: ["id"], with: Object.fromEntries(query) });
    for (const [name, value] of Object.entries(page ?? {})) {
      if (name === "$more") values.$more = value;
      else if (Array.isArray(value)) values[name].push(...value);
    }
  }
}

/**
 * What is compared, by the ids of the fields. When a record changed is no difference, and a field without
 * a value, or a link, is as if it were not there.
 */
function compared(record: Touched, end: End, values: Values | null): Map<unknown, unknown> | null {
  if (!values) return null;
  const entity = end.schema.entity(record.entity)!;
  const told = new Map<unknown, unknown>();
  for (const [name, value] of Object.entries(values)) {
    if (name === "updated_at" || value === null) continue;
    const field = fieldOf(entity, name);
    const areLinks = field && record.links.has(field.id);
    if (areLinks && Array.isArray(value) && value.length === 0) continue;
    told.set(field?.id ?? name, areLinks ? withoutPlaces(value) : value);
  }
  return told;
}

/** What makes a link: its place among the others is their order. */
function withoutPlaces(links: any): unknown {
  if (Array.isArray(links)) return links.map(withoutPlaces);
  return { id: links.id, meta: links.$link?.meta };
}
