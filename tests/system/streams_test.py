#!/usr/bin/env python3
"""Programs that are started without standard input, output or error: what they print must not land in a file or a
socket that they opened themselves."""
import itertools
import os
import signal
import subprocess
import time
import unittest

import proof
import rpc

# Which of the three are closed: all combinations.
CLOSED = [streams for count in range(4) for streams in itertools.combinations(range(3), count)]


def without(streams):
    """For preexec_fn: closes them in the process that is to be."""
    def close():
        for stream in streams:
            os.close(stream)
    return close


class Daemon(unittest.TestCase):
    def start_without(self, daemon, streams):
        with open(daemon.path / "log", "a") as log:
            daemon.process = subprocess.Popen(
                [os.environ["EMSTORED"], "--data", daemon.data, "--socket", daemon.socket, "--set", "store.allow_memory=true",
                 "--set", "log.level=debug"],  # The more it says, the better.
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=rpc.environment(), preexec_fn=without(streams))
        deadline = time.monotonic() + 60
        while True:
            try:
                return daemon.connect()
            except OSError:
                self.assertIsNone(daemon.process.poll(), daemon.log())
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.02)

    def test_a_store_written_without_streams_opens_after_a_kill(self):
        daemon = proof.daemon(self.addCleanup)
        with daemon.connect() as wire:
            wire.call("schema.apply", proof.shop_schema())
        daemon.end()
        for count, streams in enumerate(CLOSED, 1):
            with self.subTest(closed=streams), self.start_without(daemon, streams) as wire:
                wire.call("insertOne", "products", {"name": "one"})
                daemon.process.send_signal(signal.SIGKILL)
                daemon.process.wait(timeout=60)
                head = (daemon.data / "head").read_bytes()
                self.assertEqual({head[:8], head[4096:4104]} - {bytes(8)}, {b"EMSHEAD1"})
                self.assertEqual(len(head), 8192)
        daemon.start()
        with daemon.connect() as wire:
            self.assertEqual(len(wire.call("findMany", "products", {})["data"]), len(CLOSED))


class CommandLine(unittest.TestCase):
    def run_without(self, daemon, streams, *words):
        return subprocess.run([os.environ["EMSTORE_CLI"], "--socket", daemon.socket, *words],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=rpc.environment(), timeout=60, preexec_fn=without(streams))

    def test_only_what_is_open_is_written_to(self):
        daemon = proof.daemon(self.addCleanup)
        with daemon.connect() as wire:
            wire.call("schema.apply", proof.shop_schema())
            wire.call("insertOne", "products", {"name": "\x94 looks like a message"})
        for streams in CLOSED:
            for words in (("find", "products", "--json"), ("export",)):
                with self.subTest(closed=streams, words=words):
                    done = self.run_without(daemon, streams, *words)
                    self.assertEqual(done.returncode, 6 if 1 in streams else 0)
                    self.assertEqual(b"looks like a message" in done.stdout, 1 not in streams)
                    self.assertEqual(b"cannot write to standard output" in done.stderr, 1 in streams and 2 not in streams)
        daemon.end()
        self.assertNotIn("bad_input", daemon.log())


if __name__ == "__main__":
    unittest.main()
