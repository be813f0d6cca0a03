// Compiles the client for Node, strictly; every other test here needs that.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "client-lib", "node");
const compiler = join(folder, "node_modules", "typescript", "bin", "tsc");
if (!existsSync(compiler)) {
  console.error(`the packages of ${folder} are missing: npm ci --prefix ${folder}`);
  process.exit(1);
}
process.exit(spawnSync(process.execPath, [compiler, "-p", folder], { stdio: "inherit" }).status ?? 1);
