#!/usr/bin/env python3
"""Other users are kept out: a daemon of one user, and programs of others that knock at its socket and its files.
Needs root, to be several users; is skipped without."""
import grp
import os
import pathlib
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import unittest

import msgpack

import rpc

OWNER, FRIEND, STRANGER = 61001, 61002, 61003  # Numbers that nobody has need no name.
GROUP = grp.getgrnam("users")

# Sends bytes, prints the reply as hex; or the name of what the system says against it.
KNOCK = """
import errno, socket, sys
try:
    with socket.socket(socket.AF_UNIX) as wire:
        wire.settimeout(30)
        wire.connect(sys.argv[1])
        wire.sendall(bytes.fromhex(sys.argv[2]))
        print(wire.recv(1 << 20).hex())
except OSError as error:
    print(errno.errorcode[error.errno])
"""
READ = """
import errno, sys
try:
    open(sys.argv[1], sys.argv[2]).close()
    print("open")
except OSError as error:
    print(errno.errorcode[error.errno])
"""


def run_as(uid, code, *words, groups=()):
    done = subprocess.run([sys.executable, "-c", code, *map(str, words)], user=uid, group=uid, extra_groups=groups,
                          cwd="/", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return done.stdout.strip()


@unittest.skipUnless(os.geteuid() == 0, "needs root: only root can be several users")
class OtherUsers(unittest.TestCase):
    def begin(self, *flags, groups=()):
        """A daemon of OWNER in a folder that everybody may enter, on its way."""
        folder = tempfile.TemporaryDirectory(prefix="emstore-")
        self.addCleanup(folder.cleanup)
        path = pathlib.Path(folder.name)
        path.chmod(0o755)
        program = path / "emstored"  # Where it was built, other users may have no way in.
        shutil.copyfile(os.environ["EMSTORED"], program)
        program.chmod(0o755)
        own = path / "own"
        own.mkdir(mode=0o755)
        os.chown(own, OWNER, OWNER)
        self.data, self.socket = own / "data", own / "sock"
        return subprocess.Popen(
            [program, "--data", self.data, "--socket", self.socket, "--set", "store.allow_memory=true", *flags],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=rpc.environment(), text=True, cwd="/",
            user=OWNER, group=OWNER, extra_groups=groups)

    def start(self, *flags, groups=()):
        process = self.begin(*flags, groups=groups)

        def end():
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(timeout=60), 0)
            process.stdout.close()
            process.stderr.close()
        self.addCleanup(end)
        self.assertIn(" ready in ", process.stdout.readline())

    def knock(self, uid, method="ping", *params, groups=()):
        """The result that a program of `uid` gets, or the name of the system's error."""
        request = msgpack.packb([0, 1, method, list(params)])
        said = run_as(uid, KNOCK, self.socket, request.hex(), groups=groups)
        if said.startswith("E"):
            return said
        _, _, error, result = msgpack.unpackb(bytes.fromhex(said), timestamp=3, strict_map_key=False)
        self.assertIsNone(error)
        return result

    def test_the_socket_is_its_owners_alone(self):
        self.start()
        self.assertEqual(stat.S_IMODE(self.socket.stat().st_mode), 0o600)
        self.assertEqual(self.knock(OWNER), {"sequence": 0})
        for uid, groups in ((FRIEND, ()), (STRANGER, (OWNER, GROUP.gr_gid))):
            self.assertEqual(self.knock(uid, groups=groups), "EACCES")

    def test_a_group_is_let_in_and_nobody_else(self):
        self.start("--set", "socket.mode=0660", "--set", f"socket.group={GROUP.gr_name}", groups=(GROUP.gr_gid,))
        self.assertEqual(self.socket.stat().st_gid, GROUP.gr_gid)
        self.assertEqual(self.knock(FRIEND, groups=(GROUP.gr_gid,)), {"sequence": 0})
        self.assertEqual(self.knock(STRANGER), "EACCES")

    def test_a_group_that_the_daemon_is_not_in_is_refused_with_what_to_do(self):
        said, told = self.begin("--set", f"socket.group={GROUP.gr_name}").communicate(timeout=60)
        self.assertEqual(said, "")
        self.assertIn("cannot give the group to", told)
        self.assertIn(f'make the daemon\'s user a member of "{GROUP.gr_name}"', told)

    def test_who_asks_is_recorded_as_the_kernel_names_them(self):
        self.start("--set", "socket.mode=0666")
        applied = self.knock(FRIEND, "schema.apply", {"entities": {"notes": {"fields": {}}}})
        commit = self.knock(STRANGER, "log.read", {"from": applied["sequence"], "limit": 1})["commits"][0]
        self.assertEqual((commit["peer"]["uid"], commit["peer"]["gid"]), (FRIEND, FRIEND))
        self.assertEqual(self.knock(STRANGER, "hello")["peer"]["uid"], STRANGER)

    def test_files_of_the_store_are_closed_to_others(self):
        self.start()
        for path in (self.data / "head", self.data / "lock", self.data / "db" / "CURRENT", self.data / "db"):
            self.assertEqual(run_as(STRANGER, READ, path, "rb"), "EACCES", path)
        self.assertEqual(run_as(OWNER, READ, self.data / "head", "rb"), "open")

    def test_a_backup_that_may_not_be_read_is_not_called_none(self):
        self.start()
        kept = self.data.parent / "kept"
        kept.mkdir(mode=0o700)
        done = subprocess.run(
            [kept.parent.parent / "emstored", "--restore", kept, "--data", kept / "restored"], capture_output=True,
            env=rpc.environment(), text=True, cwd="/", user=STRANGER, group=STRANGER, extra_groups=())
        self.assertEqual(done.returncode, 6)
        self.assertRegex(done.stderr, "cannot open .*/kept/latest: Permission denied")


if __name__ == "__main__":
    unittest.main()
