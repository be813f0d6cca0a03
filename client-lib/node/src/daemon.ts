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
  // In a session of its own: Ctrl-C is for the program, which may still need it.
  const child = spawn(program, flags, { detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const dismiss = child.pid === undefined ? () => undefined : watch(child.pid);
  const stop = () => {
    dismiss();
    child.kill("SIGTERM");
  };
  const letGo = stopAtExit(stop);
  const forget = () => {
    dismiss();
    letGo();
  };
  child.once("exit", forget).once("error", forget);
  await ready(child, program);
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.stdout.resume();
  child.stderr.resume();
  release(child, child.stdout, child.stderr);
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

const stops = new Set<() => void>(); // Of the private daemons of this process.

function stopAll(): void {
  for (const stop of stops) stop();
}

/** One listener for all: Node warns of more than ten. Gives what takes `stop` back. */
function stopAtExit(stop: () => void): () => void {
  if (stops.size === 0) process.on("exit", stopAll);
  stops.add(stop);
  return () => {
    stops.delete(stop);
    if (stops.size === 0) process.off("exit", stopAll);
  };
}

/**
 * Has a private daemon ended when this process ends, in whichever way: the watcher reads from a pipe that
 * this process alone holds, and which the system closes with it. Gives what sends the watcher away, for
 * when the daemon has ended: process ids are used again.
 */
function watch(pid: number): () => void {
  const watcher = spawn("/bin/sh", ["-c", 'read -r line; kill "$0"', String(pid)], {
    detached: true, // Ctrl-C does not end it first.
    stdio: ["pipe", "ignore", "ignore"],
  });
  watcher.once("error", (cause) => {
    process.emitWarning(`emstored goes on if this process is killed: ${cause.message}`);
  });
  release(watcher, watcher.stdin);
  return () => {
    watcher.kill("SIGKILL"); // Before the pipe ends.
    watcher.stdin?.destroy();
  };
}

/** These do not keep the process running. */
function release(...parts: (object | undefined)[]): void {
  for (const part of parts) (part as { unref?: () => void } | undefined)?.unref?.();
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
    child.once("error", (cause) => reject(notFound(program, cause)));
    child.once("close", (code) => reject(notStarted(program, said, code)));
  });
}

function notFound(program: string, cause: Error): EmstoreError {
  const isMissing = (cause as NodeJS.ErrnoException).code === "ENOENT";
  return new EmstoreError("unreachable", `cannot start ${program}: ${cause.message}`, {
    hint: isMissing ? "install emstored, or say where it is: EMSTORED" : "mend what it says",
    cause,
  });
}

/** It says why in a line, and in one below that, set in, what to do. */
function notStarted(program: string, said: string[], code: number | null): EmstoreError {
  const step = /^\s+next: /;
  const reason = said.filter((line) => !step.test(line)).at(-1) ?? `it ended with code ${code}`;
  const hint = said.filter((line) => step.test(line)).at(-1)?.replace(step, "");
  return new EmstoreError("unreachable", `cannot start ${program}: ${reason}`, {
    hint: hint ?? "mend what it says",
  });
}
