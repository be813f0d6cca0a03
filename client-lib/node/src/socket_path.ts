/** Where a daemon listens: the rule that daemon and clients share, see docs/operations.md. */
import { existsSync } from "node:fs";
import { join } from "node:path";

const ofTheSystem = "/run/emstore/sock";

/** The socket of a daemon of the same environment, else the system's. */
export function defaultSocket(environment: NodeJS.ProcessEnv = process.env): string {
  const named = environment.EMSTORE_SOCKET;
  if (named) return named;
  const folder = environment.XDG_RUNTIME_DIR && join(environment.XDG_RUNTIME_DIR, "emstore");
  const own = folder || environment.EMSTORE_DATA;
  if (!own) return ofTheSystem;
  const path = join(own, "sock");
  return !existsSync(path) && existsSync(ofTheSystem) ? ofTheSystem : path;
}
