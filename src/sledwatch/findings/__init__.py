"""The rules: reps against a depth limit, a session against the person's own history, each with evidence and advice.

A finding's message says in one sentence what happened, its advice what to do, and its evidence holds the arithmetic:
named figures with units in their names, ready for JSON. Wordings and limits of what may be claimed: the measures say
"beyond the calibrated range" or "above the own history"; none of them tells what will happen to a body.
"""

from sledwatch.findings.depth import EXCESSIVE_OVER_MM, Body, depth_findings, excessive
from sledwatch.findings.finding import Finding
from sledwatch.findings.protocol import protocol_finding
from sledwatch.findings.technique import technique_findings
from sledwatch.findings.workload import findings_in_bulk, workload_findings

__all__ = [
    "EXCESSIVE_OVER_MM",
    "Body",
    "Finding",
    "depth_findings",
    "excessive",
    "findings_in_bulk",
    "protocol_finding",
    "technique_findings",
    "workload_findings",
]
