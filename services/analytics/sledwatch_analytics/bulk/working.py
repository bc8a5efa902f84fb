"""What a worker does, on this machine or on a cluster; it imports no more than that needs."""

import hashlib
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from importlib import metadata, resources
from pathlib import Path
from typing import Final

Analyse = Callable[[bytes], bytes]

# What a result follows from, beside the rows: these packages' sources, and the versions of what computes.
_SOURCES: Final = ("sledwatch", "sledwatch_analytics.bulk")
_COMPUTING: Final = ("numpy", "pandas", "pyarrow", "numba")


def analyse_file(analyse: Analyse, path: Path, result: Path) -> None:
    """Analyse a partition from its file to that of its result, which is there whole or not at all."""
    write_whole(result, analyse(path.read_bytes()))


def write_whole(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    partial = path.with_suffix(".partial")
    partial.write_bytes(data)
    partial.replace(path)


def have_the_worker(parent: int) -> None:
    """Ctrl-C is for the parent to handle; where that is gone, nobody waits for what is done here."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def leave_with_parent() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=leave_with_parent, name="parent", daemon=True).start()


@lru_cache(maxsize=1)
def program_digest() -> str:
    """Names the program that analyses: its sources, and the versions of what it computes with."""
    digest = hashlib.blake2b(digest_size=12)
    for package in _SOURCES:
        root = Path(str(resources.files(package)))
        for path in sorted(root.rglob("*.py")):
            digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes() + b"\0")
    for name in _COMPUTING:
        with suppress(metadata.PackageNotFoundError):
            digest.update(f"{name} {metadata.version(name)}\0".encode())
    return digest.hexdigest()
