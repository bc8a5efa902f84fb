"""Findings before it is known who will read them."""

from typing import Final

# Stands for the member in the words of a finding (a character of no language): see `closing.judging.of_member`.
NAMELESS: Final = "\ue000"
