"""What the command line tells its user in one line."""


class WrongUse(Exception):
    """A flag, setting, file or address that cannot be right: exit code 2."""


class Failed(Exception):
    """The work could not be done though the command was right: exit code 1."""
