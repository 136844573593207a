"""A dry run of an import says what the import then does: for random files, companies and pasts."""

import csv
import io
import json
from typing import Any, Final

from hypothesis import HealthCheck, settings
from hypothesis import given as for_all
from hypothesis import strategies as st

from services.application.moving import Outcome, Verdict
from services.cli.user_files import COLUMNS, Format
from tests.support.movers import HASH, key_uri, moved
from tests.support.service import Service
from tests.support.sizes import sized

# Few logins, in several spellings, so that lines meet each other and those who are there.
LOGINS: Final = ("udo", "UDO", "ute", "Üwe", "üwe", "=uli")
_users: Final = st.fixed_dictionaries(
    {"login": st.sampled_from(LOGINS)},
    optional={
        "email": st.sampled_from(["udo@acme.example", "ute@acme.example"]),
        "role": st.sampled_from(["user", "auditor", "operator", "nobodys_role"]),
        "expiration_date": st.sampled_from(["2999-01-01T00:00:00Z", "2001-01-01T00:00:00Z"]),
        "state": st.sampled_from(["active", "deactivated"]),
        "two_factor": st.sampled_from(["off", "on", "enrolment_required"]),
        "otpauth_uri": st.sampled_from([key_uri(bytes(range(20))), key_uri(b"short"), "?", "otpauth://hotp/x"]),
        "password_hash": st.sampled_from([HASH, HASH, "$argon2id$"]),
    },
)
_bad: Final = st.fixed_dictionaries(
    {"login": st.sampled_from(["", " udo", "x" * 65, LOGINS[0]])},
    optional={
        "email": st.sampled_from(["no address", "otpauth://totp/a@b"]),
        "language": st.sampled_from(["fr", "EN"]),
        "activation_date": st.sampled_from(["tomorrow", "2001-01-01"]),
    },
)
_junk: Final = st.sampled_from([b"", b"\0", b"\xff", b'"', b'a"b"c', b"{", b"[]", b"x" * 70_000, b",;,", b"null"])
files: Final = st.tuples(st.sampled_from(Format), st.lists(_users | _users | _users | _bad | _junk, max_size=8))


def content_of(file: tuple[Format, list[Any]], prefix: str) -> bytes:
    """The lines of a file; each example has logins of its own."""
    file_format, lines = file
    content = b"" if file_format is Format.JSONL else (",".join(COLUMNS) + "\n").encode()
    for line in lines:
        if isinstance(line, bytes):
            content += line + b"\n"
            continue
        user = {**line, "login": line["login"].replace("u", f"{prefix}u") if line["login"] in LOGINS else line["login"]}
        if file_format is Format.JSONL:
            content += json.dumps(user).encode() + b"\n"
        else:
            cells = io.StringIO()
            csv.DictWriter(cells, COLUMNS, lineterminator="\n").writerow(user)
            content += cells.getvalue().encode()
    return content


@for_all(files, files, files)
@settings(max_examples=sized(60, 1000), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_dry_run_says_what_then_happens(service: Service, here: Any, elsewhere: Any, file: Any) -> None:
    prefix = f"{service.parts.entropy.uuid().hex[:8]}."
    acme, beta = await service.company(), await service.company("Beta AG")
    for company, past in ((acme, here), (beta, elsewhere)):
        await moved(service.parts, company, content_of(past, prefix), file_format=past[0])
    content, before = content_of(file, prefix), await facts(service)

    told = await moved(service.parts, acme, content, file_format=file[0], dry_run=True)
    assert await facts(service) == before
    done = await moved(service.parts, acme, content, file_format=file[0])
    assert told == done

    again = await moved(service.parts, acme, content, file_format=file[0], dry_run=True)
    assert again == [_later(verdict) for verdict in done]


def _later(verdict: Verdict) -> Verdict:
    """What the next run says of somebody."""
    came = verdict.outcome in (Outcome.TAKEN, Outcome.ENROLS)
    return Verdict(Outcome.ALREADY_THERE) if came else verdict


async def facts(service: Service) -> int:
    count: int = await service.parts.pool.fetchval("SELECT count(*) FROM event")
    return count
