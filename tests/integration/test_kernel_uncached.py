"""The rep kernel in an installation that cannot be written to, as in a container with a read-only file system."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import sledwatch

FIND_IN_A_COPY = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np
from sledwatch import reps
assert reps.__file__.startswith(sys.argv[1]), reps.__file__
t_us = np.arange(500) * 20_000
print(len(reps.find_reps(t_us, 200 - 200 * np.cos(t_us / 1e6 * 2), np.full(500, 100.0))))
"""


def test_reps_are_found_where_compiled_code_cannot_be_kept(tmp_path):
    original = Path(sledwatch.__file__).parent
    shutil.copytree(original, tmp_path / "sledwatch", ignore=shutil.ignore_patterns("__pycache__"))
    places = [tmp_path / "sledwatch" / "__pycache__", tmp_path / "sledwatch" / "reps" / "__pycache__"]
    for place in places:
        # A file where a directory should be stops everybody, root included.
        place.touch()
    nowhere = str(places[0] / "below")
    environment = {**os.environ, "HOME": nowhere, "XDG_CACHE_HOME": nowhere, "NUMBA_CACHE_DIR": nowhere}
    finding = subprocess.run(
        [sys.executable, "-c", FIND_IN_A_COPY, str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ("3\n", 0) == (finding.stdout, finding.returncode), finding.stderr
    assert places == [place for place in places if place.is_file()]
