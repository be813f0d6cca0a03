/**
 * The default connection, and the builder of its schema: `em({ … })` builds one, `em.mutator("posts")`
 * changes records. The schema that was built last is applied before the next request.
 */
import { Client, type ClientOptions } from "./client.js";
import { EmstoreError } from "./errors.js";
import {
  buildSchema,
  type Builders,
  type Entities,
  type RelationsIn,
  type Schema,
  type SchemaDocument,
} from "./schema.js";

class DefaultClient extends Client {
  connect(options: ClientOptions): this {
    const { socket, schema } = options;
    if (socket !== undefined) this.redirect(async () => socket);
    if (schema) this.await(schema);
    return this;
  }

  expect(schema: Schema<any> | SchemaDocument): void {
    this.await(schema);
  }

  leave(): void {
    this.redirect(async () => {
      throw new EmstoreError("unreachable", "the daemon of `serve` was closed");
    });
  }

  servedAt(socket: Promise<string>): void {
    this.redirect(() => socket);
  }
}

/** The connection behind `em`. */
export const defaultClient = new DefaultClient();

export interface Em extends Client {
  /**
   * Builds a schema, which becomes that of the default connection: it is applied before the next
   * request. What would destroy data is refused, by name, and has to be applied by `applySchema`.
   * Relations between entities that `build` returns, the types know.
   */
  <All extends Entities, const Built = unknown>(
    entities: All,
    build?: (builders: Builders, entities: All) => Built,
  ): Schema<All, RelationsIn<Built>>;
  /** Names the socket, and resolves when the daemon has answered and the schema is applied. */
  connect(options?: Pick<ClientOptions, "socket" | "schema">): Promise<Em>;
}

function define<All extends Entities, const Built = unknown>(
  entities: All,
  build?: (builders: Builders, entities: All) => Built,
): Schema<All, RelationsIn<Built>> {
  const schema = buildSchema(entities, build);
  defaultClient.expect(schema);
  return schema;
}

/** The members of a client, on a function. */
function withMembersOf(client: DefaultClient, to: typeof define): Em {
  for (const name of Object.getOwnPropertyNames(Client.prototype)) {
    if (name === "constructor") continue;
    const member = (client as unknown as Record<string, (...args: unknown[]) => unknown>)[name]!;
    Object.defineProperty(to, name, { value: member.bind(client), configurable: true });
  }
  Object.defineProperty(to, "media", { value: client.media });
  Object.defineProperty(to, "connect", {
    value: async (options: ClientOptions = {}) => {
      client.connect(options);
      await client.ping();
      return to;
    },
  });
  return to as unknown as Em;
}

export const em: Em = withMembersOf(defaultClient, define);
