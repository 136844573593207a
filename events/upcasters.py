"""Old shapes of facts to today's: pure functions on the decoded entry. Rows are never rewritten."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

Entry: TypeAlias = dict[str, Any]


def _policy_changed_2(entry: Entry) -> Entry:
    """The time of the change stood beside the fact only; the rest was what the new fields are by default."""
    return {**entry, "data": {**entry["data"], "changed_at": entry["at"]}}


# (type, version) -> the step to version + 1. Every step stays for ever; tests/contract/samples holds an entry of each.
STEPS: Final[Mapping[tuple[str, int], Callable[[Entry], Entry]]] = {("PolicyChanged", 1): _policy_changed_2}


def upcast(entry: Entry, steps: Mapping[tuple[str, int], Callable[[Entry], Entry]] = STEPS) -> Entry:
    """The entry in its newest known shape; unchanged when there is no step from its version."""
    while (step := steps.get((str(entry.get("type")), int(entry.get("v", 0))))) is not None:
        entry = {**step(entry), "v": int(entry["v"]) + 1}
    return entry
