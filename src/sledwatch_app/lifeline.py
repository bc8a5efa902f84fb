"""A child that `sledwatch up` started must go when `up` goes, even by kill -9.

`up` holds the writing end of each child's standard input; when that closes, the child asks itself to stop.
"""

import os
import signal
import sys
import threading
import time

SUPERVISED = "SLEDWATCH_SUPERVISED"
# How long a child may take over a clean end before it is gone anyway.
_GRACE_S = 8.0


def hold() -> None:
    """Watch standard input from a thread if `up` started this process; else do nothing."""
    if os.environ.get(SUPERVISED) == "1":
        threading.Thread(target=_watch, name="lifeline", daemon=True).start()


def _watch() -> None:
    # The raw descriptor: a reader blocked within sys.stdin's buffer would hold its lock at the interpreter's end.
    while os.read(sys.__stdin__.fileno() if sys.__stdin__ else 0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_S)
    os._exit(1)
