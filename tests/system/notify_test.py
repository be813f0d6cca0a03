#!/usr/bin/env python3
"""What a service manager is told: READY=1, once the socket answers, and nothing of a start that fails."""
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import unittest

import rpc


class Readiness(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="emstore-")
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name)

    def manager(self, name):
        """The socket that $NOTIFY_SOCKET names; with @ it is an abstract one."""
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(manager.close)
        manager.settimeout(60)
        manager.bind(name.replace("@", "\0", 1))
        return manager

    def start(self, name, socket_name="sock"):
        daemon = subprocess.Popen(
            [os.environ["EMSTORED"], "--data", self.path / "data", "--socket", self.path / socket_name,
             "--set", "store.allow_memory=true"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=rpc.environment(NOTIFY_SOCKET=name))
        self.addCleanup(lambda: daemon.poll() is None and (daemon.kill(), daemon.wait()))
        return daemon

    def answers(self):
        with rpc.Connection(self.path / "sock") as wire:
            return "sequence" in wire.call("ping")

    def test_is_told_once_the_socket_answers(self):
        for name in (str(self.path / "manager"), f"@emstore-{os.getpid()}-{self.path.name}"):
            with self.subTest(name):
                manager = self.manager(name)
                daemon = self.start(name)
                self.assertEqual(manager.recv(100), b"READY=1")
                self.assertTrue(self.answers())
                daemon.send_signal(signal.SIGTERM)
                self.assertEqual(daemon.wait(60), 0)

    def test_is_not_told_of_a_start_that_fails(self):
        first, second = self.manager(str(self.path / "first")), self.manager(str(self.path / "second"))
        self.start(str(self.path / "first"))
        self.assertEqual(first.recv(100), b"READY=1")
        # Its store has a daemon already.
        self.assertNotEqual(self.start(str(self.path / "second"), "other_sock").wait(60), 0)
        second.setblocking(False)
        with self.assertRaises(BlockingIOError):
            second.recv(100)

    def test_a_manager_that_does_not_listen_stops_nobody(self):
        for name in (str(self.path / "nobody"), "@nobody-" + self.path.name, "x" * 200):
            with self.subTest(name):
                daemon = rpc.Daemon(folder=tempfile.mkdtemp(dir=self.path))
                self.assertEqual(daemon.end(), 0)
                daemon.start(NOTIFY_SOCKET=name)
                with daemon.connect() as wire:
                    wire.call("ping")
                self.assertEqual(daemon.end(), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
