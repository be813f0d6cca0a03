/**
 * Schemas that were in force at some time, by the ids of what they name: an entity or a field that is
 * renamed keeps its own.
 */
import { EmstoreError } from "./errors.js";
import type { Commit } from "./log.js";
import type { Requests } from "./requests.js";
import { listIn } from "./results.js";

export interface PastField {
  readonly id: number;
  readonly name: string;
}

export interface PastEntity {
  readonly id: number;
  readonly name: string;
  readonly fields: readonly PastField[];
  readonly config?: { readonly primary_format?: string } | undefined;
}

const mediaId = 1; // In every schema (docs/event-log.md).

/** What stands at `name` of a document, whatever the name is. */
type Named<T> = Readonly<Record<string, T>>;
type Document = Named<{
  readonly id?: number;
  readonly fields?: Named<{ readonly id?: number }>;
  readonly config?: { readonly primary_format?: string };
}>;

export class PastSchema {
  readonly entities: readonly PastEntity[];

  /** As the event `schema_applied` has it; undefined: before the first one, media alone. */
  constructor(document?: { readonly entities?: Document }) {
    this.entities = document
      ? named(document.entities).map((entity) => ({ ...entity, fields: named(entity.fields) }))
      : [{ id: mediaId, name: "media", fields: [] }];
  }

  entity(idOrName: number | string): PastEntity | undefined {
    return this.entities.find(({ id, name }) => id === idOrName || name === idOrName);
  }
}

export function fieldOf(entity: PastEntity, idOrName: number | string): PastField | undefined {
  return entity.fields.find(({ id, name }) => id === idOrName || name === idOrName);
}

/** Those that have an id; others are generated, as the connections of a field are. */
function named<T extends { readonly id?: number }>(
  members: Named<T> = {},
): (T & { readonly id: number; readonly name: string })[] {
  return Object.entries(members).flatMap(([name, about]) =>
    about.id === undefined ? [] : [{ ...about, id: about.id, name }],
  );
}

export class PastSchemas {
  readonly #requests: Requests;
  readonly #signal: AbortSignal | undefined;
  readonly #versions = new Map([[0, new PastSchema()]]);

  constructor(requests: Requests, signal?: AbortSignal) {
    this.#requests = requests;
    this.#signal = signal;
  }

  /** The one that the commit of that number applied, asked for once; 0: before the first one. */
  async version(sequence: number): Promise<PastSchema> {
    const known = this.#versions.get(sequence);
    if (known) return known;
    const commit = await commitAt(this.#requests, sequence, this.#signal);
    const applied = commit && eventsOf(commit).find(({ kind }) => kind === "schema_applied");
    const schema = new PastSchema(applied?.schema as { readonly entities?: Document } | undefined);
    this.#versions.set(sequence, schema);
    return schema;
  }

  /**
   * The one in force after a commit; 0: before the first one. Errors: out_of_range for a commit that
   * has not been made; `said` is what the caller has it as.
   *
   * A commit names the schema before it: so the next one tells which was in force after this one, and
   * behind the last one it is that of now.
   */
  async asOf(sequence: number, said: string): Promise<PastSchema> {
    if (sequence === 0) return this.version(0);
    if (!(await commitAt(this.#requests, sequence, this.#signal))) throw notMade(sequence, said);
    while (true) {
      const next = await commitAt(this.#requests, sequence + 1, this.#signal);
      const { version } = next
        ? { version: next.schema }
        : ((await this.#requests.read("schema.get", [], this.#signal)) as { version: number });
      if (version <= sequence) return this.version(version); // Else commits have been made meanwhile.
    }
  }
}

/** Undefined when it has not been made. */
export async function commitAt(
  requests: Requests,
  sequence: number,
  signal?: AbortSignal,
): Promise<Commit | undefined> {
  const page = await requests.read("log.read", [{ from: sequence, limit: 1 }], signal);
  const [commit] = listIn("log.read", page, "commits");
  return commit?.sequence === sequence ? commit : undefined;
}

export function notMade(sequence: number, said: string): EmstoreError {
  return new EmstoreError("out_of_range", `commit ${sequence} has not been made`, {
    path: said,
    hint: "`log` gives the commits",
  });
}

/** Errors: result_too_large for a commit that comes without its events. */
export function eventsOf(commit: Commit): NonNullable<Commit["events"]> {
  if (commit.events) return commit.events;
  throw new EmstoreError("result_too_large", `commit ${commit.sequence} is too large to be told`, {
    hint: "compare commits before it, or after it",
  });
}
