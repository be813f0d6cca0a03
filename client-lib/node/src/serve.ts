/**
 * `serve({ config })`: a private daemon with that schema and media folder, found or started, as the
 * default connection. Takes the config of bknd as far as emstore has what it names; the rest is
 * refused by name.
 */
import { join, resolve } from "node:path";
import { app, type App } from "./app.js";
import { findOrStart } from "./daemon.js";
import { defaultClient } from "./em.js";
import { EmstoreError } from "./errors.js";
import type { SchemaDocument } from "./schema.js";

export interface MediaModule {
  enabled?: boolean;
  adapter?: {
    provider?: "local";
    /** The folder of large media files. */
    url?: string;
    /** As bknd has it. */
    type?: "local";
    config?: { path: string };
  };
}

export interface ServeOptions {
  config?: {
    /** Of `schema.toJSON()`. */
    data?: SchemaDocument;
    media?: MediaModule;
  };
  /** `url`: the folder that holds the store. Usually `.emstore`, here. */
  connection?: { url?: string };
  /** Usually `sock` in the folder of the store. */
  socket?: string;
  /** The program. Otherwise $EMSTORED, else `emstored` of the PATH. */
  daemon?: string;
}

export interface Served extends App {
  readonly socket: string;
  /** Whether the daemon was started here, and ends with this process. */
  readonly isOurs: boolean;
  /** Ends the connection, and the daemon that was started here. */
  close(): Promise<void>;
}

/** Requests may be made at once: they wait until the daemon is there. */
export function serve(options: ServeOptions = {}): Promise<Served> {
  const daemon = start(options);
  const socket = daemon.then((started) => started.socket);
  socket.catch(() => undefined); // Told by what is returned, and to each request.
  defaultClient.servedAt(socket);
  if (options.config?.data) defaultClient.expect(options.config.data);
  return daemon.then(async (started) => {
    await defaultClient.ping();
    const close = () => {
      defaultClient.leave();
      return started.stop();
    };
    return { ...app, socket: started.socket, isOurs: started.isOurs, close };
  });
}

async function start(options: ServeOptions) {
  known(options, ["config", "connection", "socket", "daemon"], "");
  known(options.config, ["data", "media"], "config");
  known(options.connection, ["url"], "connection");
  const data = resolve((options.connection?.url ?? ".emstore").replace(/^file:/, ""));
  return findOrStart({
    data,
    media: mediaFolder(options.config?.media),
    socket: options.socket ?? join(data, "sock"),
    program: options.daemon,
  });
}

function mediaFolder(media: MediaModule = {}): string | undefined {
  known(media, ["enabled", "adapter"], "config.media");
  const { adapter } = media;
  if (media.enabled === false || adapter === undefined) return undefined;
  known(adapter, ["provider", "url", "type", "config"], "config.media.adapter");
  known(adapter.config, ["path"], "config.media.adapter.config");
  const provider: string | undefined = adapter.provider ?? adapter.type;
  if (provider !== "local") {
    throw new EmstoreError("unsupported", `emstore keeps media in a folder, not by "${provider}"`, {
      path: "config.media.adapter.provider",
      hint: 'use { provider: "local", url: "./uploads" }',
    });
  }
  const folder = adapter.url ?? adapter.config?.path;
  return folder === undefined ? undefined : resolve(folder.replace(/^file:/, ""));
}

/** Refuses what would be ignored. */
function known(given: object | undefined, names: readonly string[], path: string): void {
  for (const name of Object.keys(given ?? {})) {
    if (names.includes(name)) continue;
    throw new EmstoreError("unknown_option", `serve has no option "${name}"`, {
      path: path ? `${path}.${name}` : name,
      hint: `it has ${names.join(", ")}`,
    });
  }
}
