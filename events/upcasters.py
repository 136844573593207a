"""Old shapes of facts to today's: pure functions on the decoded entry. Rows are never rewritten."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

Entry: TypeAlias = dict[str, Any]

# (type, version) -> the step to version + 1. Every step stays for ever; tests/contract/samples holds an entry of each.
STEPS: Final[Mapping[tuple[str, int], Callable[[Entry], Entry]]] = {}


def upcast(entry: Entry, steps: Mapping[tuple[str, int], Callable[[Entry], Entry]] = STEPS) -> Entry:
    """The entry in its newest known shape; unchanged when there is no step from its version."""
    while (step := steps.get((str(entry.get("type")), int(entry.get("v", 0))))) is not None:
        entry = {**step(entry), "v": int(entry["v"]) + 1}
    return entry
