"""A disk whose power goes in the middle of work: ext4 in a file, shut down at once (EXT4_IOC_SHUTDOWN) and mounted again,
with its journal replayed. What the kernel had not written by then is gone. For the tests of this folder.

While it is shut down ext4 may answer a sync that it does not carry out, which a disk without power would not: so nobody hears
what is said from then on. Needs root and loop devices.
"""
import fcntl
import os
import pathlib
import signal
import struct
import tempfile
import threading
import uuid

import mounts
import rpc

EXT4_IOC_SHUTDOWN = 0x8004587D  # _IOR('X', 125, __u32)
NOT_EVEN_THE_JOURNAL = 2        # EXT4_GOING_FLAGS_NOLOGFLUSH
BOOT_ID = "/proc/sys/kernel/random/boot_id"
DISK_SIZE = 8 << 30             # Of a file with holes: it takes what is written.

# Syncs of files below LIES_BELOW answer at once, and do nothing.
LIES = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static int lies(int fd) {
  char link[64], path[4096];
  const char *below = getenv("LIES_BELOW");
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0 || below == NULL) return 0;
  path[length] = 0;
  return strncmp(path, below, strlen(below)) == 0;
}
#define SYNC(name) \
  int name(int fd) { return lies(fd) ? 0 : ((int (*)(int))dlsym(RTLD_NEXT, #name))(fd); }
SYNC(fsync)
SYNC(fdatasync)
SYNC(syncfs)
int sync_file_range(int fd, off64_t from, off64_t count, unsigned flags) {
  int (*real)(int, off64_t, off64_t, unsigned) = dlsym(RTLD_NEXT, "sync_file_range");
  return lies(fd) ? 0 : real(fd, from, count, flags);
}
"""


def prepare():
    """Gives this process mounts of its own, before it starts any thread. Raises OSError that says why power cannot be cut."""
    mounts.own()
    with tempfile.TemporaryDirectory(prefix="emstore-") as folder:
        disk = Disk(pathlib.Path(folder), 16 << 20)
        try:
            disk.cut()
            disk.restore()
        finally:
            disk.close()


class Disk:
    def __init__(self, folder, size=DISK_SIZE):
        self.image, self.mounted, self.boot_id = folder / "disk.img", folder / "disk", folder / "boot_id"
        self.mounted.mkdir()
        with open(self.image, "wb") as image:
            image.truncate(size)
        mounts.run("mkfs.ext4", "-q", "-F", self.image)
        self.boot()

    def boot(self):
        """Mounts it, on a machine that was started for it."""
        mounts.run("mount", "-o", "loop", self.image, self.mounted)
        self.is_off = threading.Event()
        self.boot_id.write_text(f"{uuid.uuid4()}\n")
        mounts.run("mount", "--bind", self.boot_id, BOOT_ID)

    def close(self):
        mounts.run("umount", BOOT_ID)
        mounts.run("umount", self.mounted)

    def cut(self):
        self.is_off.set()
        folder = os.open(self.mounted, os.O_RDONLY)
        try:
            fcntl.ioctl(folder, EXT4_IOC_SHUTDOWN, struct.pack("I", NOT_EVEN_THE_JOURNAL))
        finally:
            os.close(folder)

    def restore(self):
        """Once nobody has a file open there."""
        self.close()
        self.boot()


class Connection(rpc.Connection):
    """Until the power goes that is on when it is made."""

    def __init__(self, path, is_off, **options):
        super().__init__(path, **options)
        self.is_off = is_off

    def message(self):
        message = super().message()
        if self.is_off.is_set():
            raise ConnectionError("the power has gone")
        return message


class Daemon(rpc.Daemon):
    """One that is not killed alone: the power of its disk goes first, and is back when it has ended."""

    def __init__(self, folder):
        self.disk = Disk(pathlib.Path(folder))
        super().__init__(folder=folder, data=self.disk.mounted / "data")

    def connect(self, **options):
        return Connection(self.socket, self.disk.is_off, **options)

    def end(self, by=signal.SIGTERM):
        if by != signal.SIGKILL:
            return super().end(by)
        self.disk.cut()
        code = super().end(by)
        self.disk.restore()
        return code

    def lie(self, below):
        """Starts again, on a disk that does not do what it says for files below that folder."""
        library, source = self.path / "lies.so", self.path / "lies.c"
        source.write_text(LIES)
        mounts.run("cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl")
        self.end()
        self.start(LD_PRELOAD=str(library), LIES_BELOW=str(below))


def daemon(add_cleanup):
    """A daemon on a disk of its own, until the test's end."""
    folder = tempfile.TemporaryDirectory(prefix="emstore-")
    add_cleanup(folder.cleanup)
    running = Daemon(folder.name)
    add_cleanup(running.disk.close)
    add_cleanup(lambda: running.process.poll() is None and running.end(by=signal.SIGKILL))
    return running
