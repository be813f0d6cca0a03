"""A file system of one file, answered by this process as linux/fuse.h describes it, and no more when it is told to fall
silent. For the tests of this folder. Needs /dev/fuse and the right to mount."""
import collections
import errno
import os
import select
import struct
import threading

import mounts

LOOKUP, FORGET, GETATTR, OPEN, READ, STATFS, RELEASE, FLUSH, INIT = 1, 2, 3, 14, 15, 17, 18, 25, 26
ROOT, FILE = 1, 2  # Nodes.
NAME, BYTES = "file", b"x" * 100_000


def attributes(node):
    """struct fuse_attr"""
    mode, size = (0o40755, 0) if node == ROOT else (0o100644, len(BYTES))
    return struct.pack("<6Q10I", node, size, 0, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


def answer_to(code, node, body):
    """(error, bytes)"""
    if code == INIT:
        return 0, struct.pack("<IIIIHHIIHHI28x", 7, 31, 65_536, 0, 8, 8, 65_536, 1, 0, 0, 0)
    if code == LOOKUP:
        return 0, struct.pack("<QQQQII", FILE, 0, 0, 0, 0, 0) + attributes(FILE)
    if code == GETATTR:
        return 0, struct.pack("<QII", 0, 0, 0) + attributes(node)
    if code == OPEN:
        return 0, struct.pack("<QII", 1, 0, 0)
    if code == READ:
        _, offset, size = struct.unpack_from("<QQI", body)
        return 0, BYTES[offset:offset + size]
    if code == STATFS:
        return 0, struct.pack("<5Q4I24x", 1, 1, 1, 1, 1, 4096, 255, 4096, 0)
    if code in (FLUSH, RELEASE):
        return 0, b""
    return errno.ENOSYS, b""


class FileSystem(threading.Thread):
    """`asked`: how often the kernel has asked for what."""

    def __init__(self, folder):
        super().__init__()
        self.folder, self.asked, self.is_silent, self.is_over = folder, collections.Counter(), False, False
        self.device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            mounts.mount("fuse", folder, f"fd={self.device},rootmode=40000,user_id=0,group_id=0")
        except OSError:
            os.close(self.device)
            raise
        self.start()

    def open(self):
        return os.open(self.folder / NAME, os.O_RDONLY)

    def close(self):
        """Whoever waits for an answer gets an error."""
        if not self.is_over:
            mounts.detach(self.folder)
            self.is_over = True
            self.join()
            os.close(self.device)

    def run(self):
        waiting = select.poll()
        waiting.register(self.device, select.POLLIN)
        while not self.is_over:
            if not waiting.poll(50):
                continue
            try:
                request = os.read(self.device, 1 << 20)
            except (BlockingIOError, FileNotFoundError):  # The latter: it was interrupted.
                continue
            except OSError:
                return  # It is mounted no more.
            _, code, unique, node = struct.unpack_from("<IIQQ", request)
            self.asked[code] += 1
            if code != FORGET and not self.is_silent:
                error, data = answer_to(code, node, request[40:])
                os.write(self.device, struct.pack("<IiQ", 16 + len(data), -error, unique) + data)
