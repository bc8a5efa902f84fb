"""The terminal of a machine by hand: keys one by one, a screen of its own, and all as it was on every way out."""

import os
import signal
import termios
import time
from types import FrameType, TracebackType
from typing import Any, Final, Self

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from sledwatch_sim.by_hand.screen import View, lines

_READ: Final = 1024
_AGAIN_S: Final = 1.0
_LOCAL_FLAGS, _INPUT_FLAGS, _CHARACTERS = 3, 0, 6


class Window:
    """A context: inside it, the terminal is ours.

    keyboard: the file descriptor of a terminal. console: where the screen is drawn. Ctrl-C stays a signal; so does
    Ctrl-Z, which gives the terminal back until the process goes on.
    """

    def __init__(self, keyboard: int, console: Console) -> None:
        self.keyboard = keyboard
        self._console = console
        self._unicode = console.encoding.lower().startswith("utf")
        self._saved: list[Any] = []
        self._live: Live | None = None
        self._handlers: dict[int, Any] = {}
        self._asked_to_stop = self._went_on = False
        self._shown: tuple[tuple[int, int], list[Text]] | None = None
        self._again_s = 0.0

    def __enter__(self) -> Self:
        self._saved = termios.tcgetattr(self.keyboard)
        try:
            self._handlers = {
                signal.SIGTSTP: signal.signal(signal.SIGTSTP, self._on_stop),
                signal.SIGCONT: signal.signal(signal.SIGCONT, self._on_continue),
            }
            self._take()
        except BaseException:
            self._give_back()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._give_back()
        for signum, handler in self._handlers.items():
            signal.signal(signum, handler)

    def read(self) -> bytes:
        """What was typed; nothing when the terminal is gone."""
        try:
            return os.read(self.keyboard, _READ)
        except OSError:
            return b""

    def draw(self, view: View) -> None:
        """Show a moment, fitted to the window as it is now."""
        if self._live is None:
            return
        width, height = self._console.size
        shown = (width, height), lines(view, width, height, unicode=self._unicode)
        # Once a second whatever happens: others may have written over it.
        if shown != self._shown or time.monotonic() > self._again_s:
            self._shown, self._again_s = shown, time.monotonic() + _AGAIN_S
            self._live.update(Group(*shown[1]), refresh=True)

    def tend(self) -> None:
        """Do what signals asked for; not in their handlers, which come in the middle of anything."""
        if self._asked_to_stop:
            self._asked_to_stop = False
            self._give_back()
            signal.signal(signal.SIGTSTP, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTSTP)
            # Here it goes on, however much later.
            signal.signal(signal.SIGTSTP, self._on_stop)
            self._went_on = True
        if self._went_on:
            self._went_on = False
            self._give_back()
            self._take()

    def _take(self) -> None:
        modes = termios.tcgetattr(self.keyboard)
        modes[_LOCAL_FLAGS] &= ~(termios.ICANON | termios.ECHO)
        # Ctrl-S would halt the screen and with it the machine; Ctrl-\ would end us without a chance to tidy up.
        modes[_INPUT_FLAGS] &= ~termios.IXON
        modes[_CHARACTERS] = list(modes[_CHARACTERS])
        modes[_CHARACTERS][termios.VQUIT] = os.fpathconf(self.keyboard, "PC_VDISABLE").to_bytes(1, "little")
        modes[_CHARACTERS][termios.VMIN] = 1
        modes[_CHARACTERS][termios.VTIME] = 0
        termios.tcsetattr(self.keyboard, termios.TCSADRAIN, modes)
        self._live = Live(
            console=self._console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
        )
        self._live.start()
        self._shown = None

    def _give_back(self) -> None:
        live, self._live = self._live, None
        try:
            if live is not None:
                live.stop()
        finally:
            # What was typed and not read is not meant for the shell.
            termios.tcsetattr(self.keyboard, termios.TCSAFLUSH, self._saved)

    def _on_stop(self, _signum: int, _frame: FrameType | None) -> None:
        self._asked_to_stop = True

    def _on_continue(self, _signum: int, _frame: FrameType | None) -> None:
        self._went_on = True
