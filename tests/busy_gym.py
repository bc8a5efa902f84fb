"""Machines that press at the same time, and ingest under that load."""

import threading
from typing import Final

from fault_scale import either, progress
from store_and_forward import Machine
from waiting import eventually

MACHINES: Final = 4
PER_S: Final = 50.0  # of each machine: 200 messages a second together
# A million samples in the long form.
FRAMES: Final = either(150, 5_000)  # of each machine
SAMPLES: Final = either(10, 50)  # of each frame


class BusyGym:
    """Machines that press FRAMES frames each once they are let to, PER_S every second."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.machines: list[Machine] = []
        self._pressing: list[threading.Thread] = []

    @property
    def frames(self) -> int:
        """How many they press in all."""
        return MACHINES * FRAMES

    def open(self, again_s: float = 3.0) -> None:
        """Let them press. again_s: after which time they send again what is not stored."""
        self.machines = [Machine(self.url, name=f"lp-{n}", again_s=again_s, samples=SAMPLES) for n in range(MACHINES)]
        eventually(lambda: all(machine.connected for machine in self.machines))
        self._pressing = [threading.Thread(target=m.press, args=(FRAMES, PER_S)) for m in self.machines]
        for thread in self._pressing:
            thread.start()

    def sent(self) -> int:
        """How many they have pressed so far."""
        return sum(len(machine.frames) for machine in self.machines)

    def wait_sent(self, share: float) -> None:
        """Until they have pressed that share of all."""
        eventually(lambda: self.sent() >= share * self.frames, timeout_s=30.0 + FRAMES / PER_S)
        progress.info("%s of %s frames sent, %s not stored", self.sent(), self.frames, self.unstored())

    def unstored(self) -> int:
        """How many they keep because nobody said that they are stored."""
        return sum(len(machine.unstored) for machine in self.machines)

    def wait_settled(self, timeout_s: float = 60.0) -> None:
        """Until all is sent and they have been told that all of it is stored."""
        self.wait_sent(1.0)
        eventually(lambda: not self.unstored(), timeout_s)

    def close(self) -> None:
        """Send the machines home."""
        for machine in self.machines:
            machine.close()
        for thread in self._pressing:
            thread.join(20)
