/** Questions about the records of one entity. */
import { isSignal, withoutSignal, type Abortable } from "./abort.js";
import { plain } from "./document.js";
import { EmstoreError } from "./errors.js";
import { withoutUndefined, type Requests } from "./requests.js";
import { foundMany, foundOne, type FoundMany, type MaybeFound, type Meta } from "./results.js";
import type { AnyRow, Id, NoOthers, Order, RowWith, Where, With } from "./rows.js";

export interface ReadOptions extends Abortable {
  /** Wait until that commit can be seen. */
  after?: number;
  /** Answer as of that commit, or of the last one that is not later than that time. */
  as_of?: number | Date | string;
}

export interface IdOptions<Row = AnyRow, W = With<Row>> extends ReadOptions {
  with?: W & NoOthers<Row, W>;
  select?: readonly string[];
}

export interface OneOptions<Row, W = With<Row>> extends IdOptions<Row, W> {
  where?: Where<Row>;
  orderBy?: Order;
  /** The same as orderBy, as bknd has it. */
  sort?: Order;
  offset?: number;
}

export interface ManyOptions<Row, W = With<Row>> extends OneOptions<Row, W> {
  /** All that match when left out; a result that is too large is an error that says how to page. */
  limit?: number;
  /** How many match in all: `meta.count`. */
  count?: boolean;
  /** Go on behind the last record of the page that had this `meta.cursor`. */
  cursor?: string;
}

/** How `findMany` would find its records. */
export interface Plan {
  readonly kind: string;
  readonly entity: string;
  readonly text: string;
  readonly scans: boolean;
  readonly sorts: boolean;
  readonly [detail: string]: unknown;
}

/** What tells the options of a call from a `where`: bknd has `findOne(where, options)`. */
const words = new Set([
  ..."where with select orderBy sort limit offset count cursor after as_of".split(" "),
  "join", // Of bknd; the daemon says what to use.
]);

/** What is said by these is no `where`, so that wrong options are not taken for one. */
interface NoOptions {
  readonly where?: never;
  readonly with?: never;
}

/** `{ where, with, … }` of either call shape. A field may be called `signal`, too. */
function optionsOf(first: object = {}, second?: object): object {
  const isOption = ([name, value]: [string, unknown]) =>
    words.has(name) || (name === "signal" && isSignal(value));
  const isOptions = second === undefined && Object.entries(first).some(isOption);
  if (isOptions) return first;
  if (second && (second as { where?: unknown }).where !== undefined) {
    throw new EmstoreError("invalid_request", "there are two wheres", {
      path: "where",
      hint: "call findOne({ where, with }) or findOne(where, { with })",
    });
  }
  return { ...second, where: first };
}

/** In a `with`, undefined is what bknd's callers write for: not this one. */
function withUsualWith(options: object): object {
  const asked = (options as { with?: unknown }).with;
  if (asked === null || typeof asked !== "object" || Array.isArray(asked)) return options;
  return { ...options, with: withoutUndefined(asked) };
}

export class Repository<Row> {
  readonly #requests: Requests;
  readonly #entity: string;

  constructor(requests: Requests, entity: string) {
    this.#requests = requests;
    this.#entity = entity;
  }

  async findId<const W extends With<Row> | undefined = undefined>(
    id: Id,
    options: IdOptions<Row, W> = {},
  ): Promise<MaybeFound<RowWith<Row, W>>> {
    return foundOne(await this.#read("findId", options, id));
  }

  /** The first record that matches: `findOne({ where, with })` or `findOne(where, { with })`. */
  async findOne<const W extends With<Row> | undefined = undefined>(
    options: OneOptions<Row, W>,
  ): Promise<MaybeFound<RowWith<Row, W>>>;
  async findOne<const W extends With<Row> | undefined = undefined>(
    where: Where<Row> & NoOptions,
    options?: Omit<OneOptions<Row, W>, "where">,
  ): Promise<MaybeFound<RowWith<Row, W>>>;
  async findOne(first: object, second?: object): Promise<unknown> {
    return foundOne(await this.#read("findOne", optionsOf(first, second)));
  }

  /** All records that match. */
  async findMany<const W extends With<Row> | undefined = undefined>(
    options: ManyOptions<Row, W> = {},
  ): Promise<FoundMany<RowWith<Row, W>>> {
    return foundMany(await this.#read("findMany", options));
  }

  /** All records that match, page by page: nothing twice, and no result too large. */
  async *each<const W extends With<Row> | undefined = undefined>(
    options: ManyOptions<Row, W> = {},
  ): AsyncGenerator<RowWith<Row, W>, void, undefined> {
    const limit = options.limit ?? pageRecords;
    for (let asked: ManyOptions<Row, W> = { ...options, limit }; ;) {
      const page = await this.findMany<W>(asked);
      yield* page;
      const { hasMore, cursor } = page.meta;
      if (!hasMore || cursor === undefined) return;
      asked = { ...asked, cursor, offset: undefined }; // Both would say where the page begins.
    }
  }

  async count(first?: Where<Row> | OneOptions<Row>): Promise<{ count: number; meta: Meta }> {
    return (await this.#read("count", optionsOf(first))) as any;
  }

  async exists(first?: Where<Row> | OneOptions<Row>): Promise<{ exists: boolean; meta: Meta }> {
    return (await this.#read("exists", optionsOf(first))) as any;
  }

  async explain(options: ManyOptions<Row> = {}): Promise<Plan> {
    return ((await this.#read("explain", options)) as { plan: Plan }).plan;
  }

  #read(method: string, options: object, ...params: unknown[]): Promise<unknown> {
    const { signal, rest } = withoutSignal(options);
    const settings = plain(withoutUndefined(withUsualWith(rest)), "");
    return this.#requests.read(method, [this.#entity, ...params, settings], signal);
  }
}

const pageRecords = 1000;
