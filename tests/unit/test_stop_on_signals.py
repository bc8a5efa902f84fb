"""Told to stop, a process stops, however often and in whatever moment it is told."""

import signal
import subprocess
import sys

# An Event holds its lock for a moment in `set` and whenever its waiter wakes: a second signal may come just then.
PROGRAM = """
import signal
from sledwatch_app.wiring import stop_on_signals

with stop_on_signals() as stop:
    with stop._cond:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
    print(stop.wait(10))
"""


def test_a_signal_in_the_moment_of_another_does_not_hang_the_process() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=30, check=False)
    assert (0, "True\n") == (done.returncode, done.stdout)


def test_a_second_interrupt_interrupts() -> None:
    program = PROGRAM.replace("SIGTERM", "SIGINT")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert -signal.SIGINT == done.returncode
    assert "KeyboardInterrupt" in done.stderr
