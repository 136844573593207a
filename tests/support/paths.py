"""Paths of the route table with something in their places."""

import re
from typing import Final

_PLACE: Final = re.compile(r"\{(\w+)\}")


def filled(template: str, **values: object) -> str:
    """Each `{name}` as it is given; a role is called `user`, an entry or tile is the first, else it is `any_id`."""
    known = {"role_id": "user", "position": 1, "level": 0, "number": "000", **values}

    def value(place: re.Match[str]) -> str:
        return str(known[place[1]] if place[1] in known else known["any_id"])

    return _PLACE.sub(value, template)
