"""What a stopped daemon's store holds, read and checked from the outside. For the tests of this folder."""
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

import rpc

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import checker  # noqa: E402  Found through the line above.

CHECKER = pathlib.Path(checker.__file__)


def daemon(add_cleanup, *flags):
    """A daemon whose folder stays until the test's end, however often it ends and starts."""
    folder = tempfile.TemporaryDirectory(prefix="emstore-")
    add_cleanup(folder.cleanup)
    running = rpc.Daemon(*flags, folder=folder.name)
    add_cleanup(lambda: running.process.poll() is None and running.end(by=signal.SIGKILL))
    return running


def shop_schema():
    """Every kind of row comes to be from writing to this: a unique index, long fields, to-one and to-many media."""
    def field(kind, **config):
        return {"type": kind, "config": config}

    def poly(name, **config):
        return {"type": "poly", "source": "products", "target": "media", "config": {"mappedBy": name, **config}}
    products = {"name": field("text", required=True), "description": field("text"), "sku": field("text"),
                "price": field("number"), "cover": field("media", max_items=1), "gallery": field("media")}
    return {"entities": {"products": {"fields": products},
                         "media": {"type": "system", "fields": {"alt": field("text")}}},
            "relations": {"a": poly("cover", targetCardinality=1), "b": poly("gallery")},
            "indices": {"sku": {"entity": "products", "fields": ["sku"], "unique": True},
                        "price": {"entity": "products", "fields": ["price", "name"], "unique": False}}}


class Unreadable(AssertionError):
    """What the daemon says of a store that it does not open."""


def dump(daemon):
    """The path of a file with every row. The daemon is not running. Raises Unreadable."""
    path = daemon.path / "rows"
    with open(path, "wb") as out:
        done = subprocess.run([os.environ["EMSTORED"], "--data", daemon.data, "--set", "store.allow_memory=true",
                               "--dump", "all"], stdout=out, stderr=subprocess.PIPE, env=rpc.environment())
    if done.returncode != 0:
        raise Unreadable(done.stderr.decode())
    return path


def check(daemon):
    """(rows, report, state) of a daemon that is not running."""
    rows = checker.read_rows(dump(daemon))
    report, state = checker.check(rows, data=daemon.data)
    return rows, report, state


def commits_of(rows):
    """sequence → commit, taken apart."""
    return {sequence: checker.Commit(sequence, data)
            for sequence, data in ((int.from_bytes(key, "big"), data) for key, data in rows["log"].items())}
