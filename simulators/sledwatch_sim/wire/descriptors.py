"""How many connections this process may have: an open file each."""

import resource
from typing import Final

# What a run has open beside its connections: files, the loop's own sockets, the API.
_OTHERS: Final = 64


class TooManyConnections(Exception):
    """The system allows fewer; the message is one line for whoever can allow more."""


def allow_connections(count: int) -> None:
    """Raise this process's limit of open files, where it is too low. Raises TooManyConnections.

    Programs that it starts afterwards have the same limit.
    """
    needed = count + _OTHERS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise TooManyConnections(
            f"{count} connections need {needed} open files, and this system allows {hard}: raise the limit"
            f" (`ulimit -Hn`, LimitNOFILE=), or have several machines share a connection"
        )
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    except (OSError, ValueError) as error:
        raise TooManyConnections(f"{count} connections need {needed} open files: {error}") from None
