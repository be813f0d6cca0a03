/** The log: what was committed, and by whom. */
import type { Abortable } from "./abort.js";
import { commitAt, notMade } from "./past_schema.js";
import { withoutUndefined, type Requests } from "./requests.js";
import { listIn } from "./results.js";
import type { Id } from "./rows.js";

/** A commit, as `log.read` and the feed give it. */
export interface Commit {
  readonly sequence: number;
  readonly time: Date;
  readonly peer: { readonly uid: number; readonly gid: number; readonly pid: number };
  /** The commit that applied the schema in force before it; 0: none. */
  readonly schema: number;
  /** As stored; a feed has them only in the place of `events`. */
  readonly bytes?: Uint8Array;
  /** Not of a commit that is too large to be decoded on the way. */
  readonly events?: readonly { readonly kind: string; readonly [detail: string]: unknown }[];
  readonly [detail: string]: unknown;
}

export type LinkOperator = "$set" | "$detach" | "$attach" | "$create" | "delete";

/** Which commits: all that is said holds, of one event where it is about events. */
export interface LogQuery extends Abortable {
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

interface Page {
  readonly commits: readonly Commit[];
  readonly next: number;
  readonly more: boolean;
}

/** Every commit that the query asks for. A page may be empty while others follow. */
export async function* commits(
  requests: Requests,
  query: LogQuery,
  signal?: AbortSignal,
): AsyncGenerator<Commit, void, undefined> {
  const place = query.reverse ? "to" : "from";
  for (let asked = withoutUndefined(query); ;) {
    const page = (await requests.read("log.read", [asked], signal)) as Page;
    yield* listIn("log.read", page, "commits");
    if (!page.more) return;
    asked = { ...asked, [place]: page.next };
  }
}

export async function commitOf(
  requests: Requests,
  sequence: number,
  signal?: AbortSignal,
): Promise<Commit> {
  const commit = await commitAt(requests, sequence, signal);
  if (!commit) throw notMade(sequence, "sequence");
  return commit;
}
