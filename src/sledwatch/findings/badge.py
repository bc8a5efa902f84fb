"""One badge, two people: what is said to a trainer, who alone can know."""

from sledwatch.findings.finding import Finding, listed
from sledwatch.sharing import Pattern, TwoPatterns


def badge_finding(found: TwoPatterns, at_us: int, member_name: str) -> Finding:
    """Ask whether two people were on one badge, and offer what can be done.

    at_us: the end of the session. member_name: whose badge it was.
    """
    one, other = found.first, found.second
    return Finding(
        rule="badge.shared",
        severity="warn",
        at_us=at_us,
        set=other.sets[0],
        count=1,
        title="Two people on one badge?",
        message=(
            f"The sets of {member_name} fall into two patterns that take turns: {_told(one)}, and {_told(other)}. "
            "What this session adds to the workload is not judged until this is settled."
        ),
        advice=(
            f"Ask who was on the machine. Assign {_sets(other)} or {_sets(one)} to whoever did them, or "
            f"discard them; if all were done by {member_name}, say so by assigning them to that badge."
        ),
        evidence={
            "patterns": [_shown(one), _shown(other)],
            "tells": list(found.tells),
            "turns": found.turns,
            "apart_mm": round(abs(one.depth_mm - other.depth_mm), 1),
        },
        limit_tier=None,
    )


def _told(pattern: Pattern) -> str:
    return f"{_sets(pattern)} to {pattern.depth_mm:.0f} mm at {round(pattern.load_kg, 1):g} kg"


def _sets(pattern: Pattern) -> str:
    return f"set{'s' if len(pattern.sets) > 1 else ''} {listed([str(number) for number in pattern.sets])}"


def _shown(pattern: Pattern) -> dict[str, object]:
    return {
        "sets": list(pattern.sets),
        "reps": pattern.reps,
        "depth_mm": round(pattern.depth_mm, 1),
        "rack_point_mm": round(pattern.rack_point_mm, 1),
        "load_kg": round(pattern.load_kg, 1),
    }
