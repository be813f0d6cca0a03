/** Changes to the records of one entity. Every call is one commit, all of it or nothing. */
import { Draft, plain } from "./document.js";
import type { MutationOptions, Requests } from "./requests.js";
import { mutated, mutatedMany, type ManyMutation, type Mutation } from "./results.js";
import type { Id, NewRecord, Order, RecordChange, Where } from "./rows.js";

export interface UpdateOptions extends MutationOptions {
  /** The version that the record must have. */
  expected?: number;
}

export interface DeleteOptions extends UpdateOptions {
  /** Of a media that is still linked: take it out of every gallery first. */
  detach?: boolean;
  /** Only say what would change: `plan` of the answer. */
  dry_run?: boolean;
}

export interface WhereOptions extends MutationOptions {
  /** Says that an empty `where` means all records. */
  all?: boolean;
  orderBy?: Order;
  limit?: number;
  /** Only say what would change: `plan` of the answer. */
  dry_run?: boolean;
}

export class Mutator<Row> {
  readonly #requests: Requests;
  readonly #entity: string;

  constructor(requests: Requests, entity: string) {
    this.#requests = requests;
    this.#entity = entity;
  }

  /** Makes a record, its media and links included. */
  async insertOne(record: NewRecord<Row>, options?: MutationOptions): Promise<Mutation<Row>> {
    return mutated(await this.#mutate("insertOne", [this.#document(record)], options));
  }

  async insertMany(
    records: readonly NewRecord<Row>[],
    options?: MutationOptions,
  ): Promise<ManyMutation<Row>> {
    return mutatedMany(await this.#mutate("insertMany", [this.#document(records)], options));
  }

  async updateOne(
    id: Id,
    change: RecordChange<Row>,
    options?: UpdateOptions,
  ): Promise<Mutation<Partial<Row> & { id: Id }>> {
    return mutated(await this.#mutate("updateOne", [id, this.#document(change)], options));
  }

  /** Changes every record that matches. */
  async updateWhere(
    change: RecordChange<Row>,
    where: Where<Row>,
    options?: WhereOptions,
  ): Promise<ManyMutation<Partial<Row> & { id: Id }>> {
    const parts = [plain(where, "where"), this.#document(change)];
    return mutatedMany(await this.#mutate("updateWhere", parts, options));
  }

  async deleteOne(id: Id, options?: DeleteOptions): Promise<Mutation<Partial<Row> & { id: Id }>> {
    return mutated(await this.#mutate("deleteOne", [id], options));
  }

  async deleteWhere(
    where: Where<Row>,
    options?: WhereOptions & { detach?: boolean },
  ): Promise<ManyMutation<Partial<Row> & { id: Id }>> {
    return mutatedMany(await this.#mutate("deleteWhere", [plain(where, "where")], options));
  }

  #document(document: unknown) {
    return Draft.of(document, { makesMedia: this.#entity === "media" });
  }

  #mutate(method: string, parts: readonly unknown[], options?: object): Promise<unknown> {
    return this.#requests.mutate(method, [this.#entity, ...parts], { ...options });
  }
}
