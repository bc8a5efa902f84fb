"""Compilation of the kernels, kept on disk where there is a place for it."""

from collections.abc import Callable
from typing import Any, TypeVar

import numba

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(function: _Function) -> _Function:
    """Compile at first use, and keep the result on disk where there is a place for it."""
    jit: Any = numba.njit
    try:
        kept: _Function = jit(cache=True, nogil=True, error_model="numpy")(function)
    except RuntimeError:  # neither beside this file nor in a cache directory: compiled anew in each process
        kept = jit(nogil=True, error_model="numpy")(function)
    return kept
