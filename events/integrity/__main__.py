"""The verifier alone: `python -m events.integrity PATH [--vkey FILE] [--log DIR]`, with nothing but `cryptography`."""

import argparse
import sys
from pathlib import Path

from events.integrity.directory import Unreadable
from events.integrity.verify import read_key, verify


def main() -> int:
    """0: proved; 3: not, with the first bad position first; 2: there is nothing to verify."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--vkey", type=Path)
    parser.add_argument("--log", type=Path)
    given = parser.parse_args()
    try:
        key = read_key(given.vkey) if given.vkey else None
        verdict = verify(given.path, key, given.log, lambda done, total: None)
    except Unreadable as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for finding in verdict.in_order():
        sys.stdout.write(f"{finding}\n")
    for note in verdict.notes:
        sys.stdout.write(f"note: {note}\n")
    if verdict.is_sound:
        sys.stdout.write(f"proved: {verdict.entries} entries of {verdict.origin}, size {verdict.size}\n")
    return 0 if verdict.is_sound else 3


if __name__ == "__main__":
    sys.exit(main())
