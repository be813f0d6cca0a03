"""File systems that a test mounts for itself alone. For the tests of this folder."""
import ctypes
import os
import subprocess

CLONE_NEWNS = 0x00020000
MS_NOSUID, MS_NODEV = 2, 4
MNT_DETACH = 2
LIBC = ctypes.CDLL(None, use_errno=True)


def run(*command):
    """Raises OSError with what the command said."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise OSError(f"{command[0]}: {done.stdout.strip()}")


def own():
    """Gives this process, and those it starts, mounts of their own, so that nothing is left of them however it ends. No other
    thread runs. Raises OSError without the right to."""
    if LIBC.unshare(CLONE_NEWNS) != 0:
        raise OSError(f"no right to mount: {os.strerror(ctypes.get_errno())}")
    run("mount", "--make-rprivate", "/")


def mount(kind, path, options):
    if LIBC.mount(b"emstore-test", os.fsencode(path), kind.encode(), MS_NOSUID | MS_NODEV, options.encode()) != 0:
        raise OSError(f"mount -t {kind}: {os.strerror(ctypes.get_errno())}")


def detach(path):
    """Takes it from its place at once, whoever still uses it."""
    LIBC.umount2(os.fsencode(path), MNT_DETACH)
