"""What people are called."""

from typing import Final

import numpy as np

from sledwatch_sim.people.body import Sex

_FIRST: Final[dict[Sex, str]] = {
    "female": """
        Ada Amina Anna Beatriz Chiara Elif Emma Fatima Greta Hanna Ines Jana
        Katya Lea Maja Nadia Nora Olivia Priya Rosa Sara Sofia Thandi Yuki
    """,
    "male": """
        Ahmed Anton Ben Carlos David Emil Finn Goran Hugo Ivan Jonas Kofi
        Leo Liam Marek Matteo Noah Omar Paul Rafael Samuel Tariq Viktor Wei
    """,
}
_LAST: Final = """
    Adeyemi Andersson Bauer Bianchi Brandt Costa Diallo Fischer García Haddad Hansen Horvat
    Jansen Kaya Keller Kim Kowalski Lindgren Mensah Moreau Nakamura Novák Okafor Patel
    Rossi Sato Schmidt Silva Singh Tanaka Vogel Weber Yılmaz Zhang
"""


def first_name(seed: int, number: int, sex: Sex) -> str:
    """Neighbours in number have different ones: on a floor, people are told apart by their first names."""
    names = np.random.default_rng(seed).permutation(_FIRST[sex].split())
    return str(names[number % len(names)])


def last_name(rng: np.random.Generator) -> str:
    """Anybody's."""
    return str(rng.choice(_LAST.split()))
