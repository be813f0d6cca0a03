/** A daemon of this process: found where it listens, else started. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { createConnection } from "node:net";
import { createInterface } from "node:readline";
import { EmstoreError } from "./errors.js";

export interface DaemonOptions {
  /** The program. Otherwise $EMSTORED, else `emstored` of the PATH. */
  readonly program?: string | undefined;
  readonly data: string;
  readonly media?: string | undefined;
  readonly socket: string;
}

/** One that was found belongs to somebody else: `stop` leaves it alone. */
export interface Daemon {
  readonly socket: string;
  readonly isOurs: boolean;
  /** Resolves when it has ended. */
  stop(): Promise<void>;
}

const raceTries = 100; // Of 50 ms: another process starts the same daemon at the same time.

/** Errors: unreachable, with what the daemon said. */
export async function findOrStart(options: DaemonOptions): Promise<Daemon> {
  const found = { socket: options.socket, isOurs: false, stop: async () => undefined };
  if (await answers(options.socket)) return found;
  await mkdir(options.data, { recursive: true, mode: 0o700 });
  try {
    return await start(options);
  } catch (cause) {
    if (!/locked|is listening/.test(String(cause))) throw cause;
    for (let tries = 0; tries < raceTries; tries += 1) {
      if (await answers(options.socket)) return found;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw cause;
  }
}

function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createConnection(socket);
    const answer = (isThere: boolean) => {
      probe.destroy();
      resolve(isThere);
    };
    probe.once("connect", () => answer(true)).once("error", () => answer(false));
  });
}

async function start(options: DaemonOptions): Promise<Daemon> {
  const program = options.program ?? process.env.EMSTORED ?? "emstored";
  const flags = ["--data", options.data, "--socket", options.socket];
  if (options.media !== undefined) flags.push("--media", options.media);
  const child = spawn(program, flags, { stdio: ["ignore", "pipe", "pipe"] });
  const stop = () => void child.kill("SIGTERM");
  const forget = atEnd(stop); // A private daemon ends with its process.
  child.once("exit", forget).once("error", forget);
  await ready(child, program);
  let release = () => undefined as void;
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    release = () => {
      for (const part of [child, child.stdout, child.stderr]) {
        (part as unknown as { unref?: () => void }).unref?.();
      }
    };
  });
  child.stdout.resume();
  child.stderr.resume();
  release(); // Nor does it keep the process running.
  return {
    socket: options.socket,
    isOurs: true,
    stop: () => {
      child.ref();
      stop();
      return ended;
    },
  };
}

const endings = ["SIGTERM", "SIGINT", "SIGHUP"] as const;
const stops = new Set<() => void>(); // Of all daemons that were started here.

/**
 * Has `stop` called when the process ends, by a signal too, unless the program itself listens to that:
 * then it is for the program to end. Nobody is told of SIGKILL. Gives what takes it back.
 */
function atEnd(stop: () => void): () => void {
  if (stops.size === 0) {
    process.on("exit", stopAll);
    for (const signal of endings) process.on(signal, onSignal);
  }
  stops.add(stop);
  return () => {
    if (stops.delete(stop) && stops.size === 0) listenNoMore();
  };
}

function stopAll(): void {
  for (const stop of stops) stop();
}

function onSignal(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return;
  stopAll();
  listenNoMore();
  process.kill(process.pid, signal); // Now nobody listens, and it does what it does.
}

function listenNoMore(): void {
  process.off("exit", stopAll);
  for (const signal of endings) process.off(signal, onSignal);
}

/** Until the daemon says that clients can connect. */
function ready(child: ChildProcess, program: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const said: string[] = [];
    createInterface({ input: child.stderr! }).on("line", (line) => {
      said.push(line);
      if (said.length > 20) said.shift();
    });
    createInterface({ input: child.stdout! }).once("line", () => resolve());
    child.once("error", (cause) => reject(notStarted(program, cause.message, cause)));
    child.once("close", (code) => {
      reject(notStarted(program, said.at(-1) ?? `it ended with code ${code}`));
    });
  });
}

function notStarted(program: string, reason: string, cause?: Error): EmstoreError {
  const isMissing = (cause as NodeJS.ErrnoException | undefined)?.code === "ENOENT";
  return new EmstoreError("unreachable", `cannot start ${program}: ${reason}`, {
    hint: isMissing ? "install emstored, or say where it is: EMSTORED" : "mend what it says",
    cause,
  });
}
