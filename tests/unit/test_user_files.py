"""Files of users: read line by line, whatever stands in them; nothing of a bad line is told on."""

import csv
import io
import json
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from events.totp import KeyFault
from services.application.moving import Newcomer, Why
from services.cli.user_files import (
    COLUMNS,
    LINE_BYTES,
    Fault,
    Format,
    Line,
    WrongHeader,
    format_of,
    read_users,
)

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "moving-in.md"


def read(content: str | bytes, file_format: Format = Format.CSV) -> list[Line]:
    raw = content.encode() if isinstance(content, str) else content
    return list(read_users(io.BytesIO(raw), file_format))


def only(content: str | bytes, file_format: Format = Format.CSV) -> Newcomer | Fault:
    (line,) = read(content, file_format)
    return line.content


def fault(content: str | bytes, file_format: Format = Format.JSONL) -> Fault:
    found = only(content, file_format)
    assert isinstance(found, Fault)
    return found


UDO: Final = Newcomer(login="udo.user")
FULL: Final = Newcomer(
    login="udo.user",
    email="udo@acme.example",
    role="auditor",
    language="pt-BR",
    time_zone="America/Sao_Paulo",
    activation_at=datetime(2026, 3, 1, tzinfo=UTC),
    expiration_at=datetime(2027, 2, 28, 22, 59, 59, 500_000, tzinfo=UTC),
    deactivated=True,
    had_factor=True,
    otpauth_uri="otpauth://totp/udo?secret=AAAA",
    password_hash="$argon2id$anything",
)
FULL_MEMBERS: Final = {
    "login": "udo.user",
    "email": "udo@acme.example",
    "role": "auditor",
    "language": "pt-BR",
    "time_zone": "America/Sao_Paulo",
    "activation_date": "2026-03-01T00:00:00Z",
    "expiration_date": "2027-02-28T23:59:59.5+01:00",
    "state": "deactivated",
    "two_factor": "on",
    "otpauth_uri": "otpauth://totp/udo?secret=AAAA",
    "password_hash": "$argon2id$anything",
    "required_by": "company",
    "enrolled_at": "2026-03-01T00:00:00Z",
    "last_used_at": "yesterday",
}


# What is read.


def test_only_the_login_is_needed() -> None:
    assert only("login\nudo.user") == UDO
    assert only('{"login": "udo.user"}', Format.JSONL) == UDO


def test_every_column_is_read() -> None:
    sheet = io.StringIO()
    writer = csv.DictWriter(sheet, FULL_MEMBERS)
    writer.writeheader()
    writer.writerow(FULL_MEMBERS)
    assert only(sheet.getvalue()) == FULL
    assert only(json.dumps(FULL_MEMBERS), Format.JSONL) == FULL
    assert set(FULL_MEMBERS) == set(COLUMNS)


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("delimiter", [b",", b";"])
def test_the_header_says_how_columns_are_parted(bom: bytes, end: bytes, delimiter: bytes) -> None:
    lines = [b"role,login,email", b"auditor,udo.user,udo@acme.example", b",ute.user,"]
    found = read(bom + end.join(line.replace(b",", delimiter) for line in lines))
    assert [line.content for line in found] == [
        Newcomer(login="udo.user", role="auditor", email="udo@acme.example"),
        Newcomer(login="ute.user"),
    ]
    assert [(line.number, line.login) for line in found] == [(2, "udo.user"), (3, "ute.user")]


def test_cells_may_be_quoted_and_header_names_stand_in_any_case() -> None:
    assert only('"LOGIN", Email\n"udo, ""the"" user",') == Newcomer(login='udo, "the" user')


def test_an_empty_cell_and_null_are_none() -> None:
    assert only("login,role,language,email,otpauth_uri\nudo.user,,,,") == UDO
    assert only('{"login": "udo.user", "role": null, "two_factor": null}', Format.JSONL) == UDO


def test_blank_lines_are_nobody_and_are_counted() -> None:
    found = read("login\n\n \t\nudo.user\r\n\r\n")
    assert [(line.number, line.content) for line in found] == [(4, UDO)]
    assert read("login\n") == []
    assert read("", Format.JSONL) == []


def test_a_byte_order_mark_is_one_at_the_beginning_only() -> None:
    found = read(b'\xef\xbb\xbf{"login": "udo.user"}\n\xef\xbb\xbf{"login": "ute.user"}\n', Format.JSONL)
    assert [line.content for line in found] == [UDO, Fault(why=Why.NOT_A_ROW)]


def test_how_far_it_is_told_in_bytes() -> None:
    content = f"login\nudo.user\n{'x' * LINE_BYTES * 3}\nute.user"
    assert [line.read for line in read(content)] == [15, 15 + 3 * LINE_BYTES + 1, len(content)]


def test_the_name_of_a_file_says_what_it_is() -> None:
    names = {"a.csv": Format.CSV, "a.CSV": Format.CSV, "a.jsonl": Format.JSONL, "a.ndjson": Format.JSONL, "a": None}
    assert {name: format_of(Path(name)) for name in names} == names


def test_text_of_every_kind_is_a_login_like_any_other() -> None:
    """XSS and formulas are harmless as data; whoever shows them escapes them."""
    logins = ["<script>alert(1)</script>", "=1+1", "-udo", "@sum", "'; drop table event; --", "{{7*7}}", "jürgen ✓"]
    sheet = io.StringIO()
    csv.writer(sheet).writerows([["login"], *([login] for login in logins)])
    assert [line.content for line in read(sheet.getvalue())] == [Newcomer(login=login) for login in logins]
    lines = "\n".join(json.dumps({"login": login}) for login in logins)
    assert [line.content for line in read(lines, Format.JSONL)] == [Newcomer(login=login) for login in logins]


# What is not.


@pytest.mark.parametrize(
    "content",
    [
        "",
        "\n",
        "udo.user,geheim\n",
        "email\nudo@acme.example",
        "login,password\nudo,geheim",
        "login,login\nudo,udo",
        "login\temail\nudo\tx",
        "login,email;role\nudo",
        'login,"email\nudo',
        "Login,Ünbekannt\nx,y",
        b"login,\xff\nudo,",
        b"login\0\nudo",
        "x" * (LINE_BYTES + 1) + "\nlogin\n",
        "login" + "," * 65_000 + "\nudo",
        "login," + ",".join(f"c{n}" for n in range(10_000)),
    ],
)
def test_a_file_without_a_known_header_is_refused_whole_and_not_quoted(content: str | bytes) -> None:
    with pytest.raises(WrongHeader) as raised:
        read(content)
    for word in ("geheim", "password,", "Ünbekannt", "acme.example"):
        assert word not in str(raised.value)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"x" * LINE_BYTES, Why.LINE_TOO_LONG),
        (b"ute" + b"," * 65_535, Why.LINE_TOO_LONG),
        (b"ute" + b"," * 60_000, Why.NUMBER_OF_COLUMNS),
        (b"ut\0e,", Why.NUL),
        (b"\xffute,", Why.NOT_UTF8),
        (b"ute,\xed\xa0\x80", Why.NOT_UTF8),
        (b'"ute"x,', Why.NOT_A_ROW),
        (b'"u"te"",', Why.NOT_A_ROW),
        (b"ute\rx,", Why.NOT_A_ROW),
        (b"ute", Why.NUMBER_OF_COLUMNS),
        (b"ute,,", Why.NUMBER_OF_COLUMNS),
    ],
)
def test_a_bad_csv_line_is_told_and_the_others_go_on(line: bytes, why: Why) -> None:
    found = read(b"login,email\nudo.user,\n" + line + b"\nuwe.user,\n")
    assert [one.content for one in found] == [UDO, Fault(why=why), Newcomer(login="uwe.user")]
    assert (found[1].number, found[1].login) == (3, None)


@pytest.mark.parametrize("filling", ["", "y" * LINE_BYTES, "y" * (LINE_BYTES * 2 - 7), '""', "\x00", "\xff"])
def test_what_stands_in_quotes_over_several_lines_makes_no_user_of_its_own(filling: str) -> None:
    """Whoever could type a line break in the other system could make an administrator here."""
    typed = f'"{filling}\nevil,evil@acme.example,administrator\n"'
    content = f"login,email,role\nudo.user,{typed},user\nuwe.user,,\n".encode("latin-1")
    found = read(content)
    assert [line.content for line in found][1:] == [Newcomer(login="uwe.user")]
    assert isinstance(found[0].content, Fault)
    assert found[0].content.why in (Why.OPEN_QUOTE, Why.LINE_TOO_LONG)
    assert [line.number for line in found] == [2, 5]


def test_behind_a_quote_that_is_never_closed_nothing_is_taken() -> None:
    found = read('login,email\nudo.user,\n"ute.user,\nuwe.user,\n' + "uli.user,\n" * 10_000)
    assert [(line.number, line.content) for line in found] == [(2, UDO), (3, Fault(why=Why.OPEN_QUOTE))]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("udo.user", Why.NOT_A_ROW),
        ('"udo.user"', Why.NOT_A_ROW),
        ('["udo.user"]', Why.NOT_A_ROW),
        ("null", Why.NOT_A_ROW),
        ('{"login": "udo.user"', Why.NOT_A_ROW),
        ('{"login": "udo.user"} {"login": "ute.user"}', Why.NOT_A_ROW),
        ('{"login": "udo.user", "login": "ute.user"}', Why.NOT_A_ROW),
        ('{"login": "udo.user", "email": {"a": 1, "a": 2}}', Why.NOT_A_ROW),
        ('{"login": "udo.user", "email": NaN}', Why.NOT_A_ROW),
        ('{"login": "udo.user", "email": ' + "9" * 5000 + "}", Why.NOT_A_ROW),
        ('{"login": ' + "[" * 30_000 + "]" * 30_000 + "}", Why.NOT_A_ROW),
        ("{'login': 'udo.user'}", Why.NOT_A_ROW),
        ('{"login": "udo.user", "password": "geheim"}', Why.UNKNOWN_MEMBER),
        ('{"login": "udo.user", "recovery": []}', Why.UNKNOWN_MEMBER),
        ('{"login": "udo.user", "Email": "udo@acme.example"}', Why.UNKNOWN_MEMBER),
        ('{"login": "udo.user", "": 1}', Why.UNKNOWN_MEMBER),
    ],
)
def test_a_json_line_is_one_object_with_known_members_once_each(line: str, why: Why) -> None:
    assert fault(line) == Fault(why=why)


@pytest.mark.parametrize(
    ("members", "columns"),
    [
        ({}, ("login",)),
        ({"login": ""}, ("login",)),
        ({"login": 1}, ("login",)),
        ({"login": "x" * 65}, ("login",)),
        ({"login": "\ud800"}, ("login",)),
        ({"login": "udo", "email": "udo"}, ("email",)),
        ({"login": "udo", "email": "udo@acme.example\nBcc: x@y"}, ("email",)),
        ({"login": "udo", "role": "Administrator"}, ("role",)),
        ({"login": "udo", "language": "fr"}, ("language",)),
        ({"login": "udo", "time_zone": "Mars/Olympus"}, ("time_zone",)),
        ({"login": "udo", "activation_date": "2026-03-01"}, ("activation_date",)),
        ({"login": "udo", "activation_date": "2026-03-01T00:00:00"}, ("activation_date",)),
        ({"login": "udo", "expiration_date": 1772323200}, ("expiration_date",)),
        ({"login": "udo", "expiration_date": "0001-01-01T00:00:00+23:59"}, ("expiration_date",)),
        ({"login": "udo", "state": "closed"}, ("state",)),
        ({"login": "udo", "two_factor": True}, ("two_factor",)),
        ({"login": "udo", "otpauth_uri": ["x"]}, ("otpauth_uri",)),
        ({"login": "udo", "password_hash": 1}, ("password_hash",)),
        ({"login": 1, "email": 1, "role": 1}, ("login", "email", "role")),
    ],
)
def test_a_value_that_is_none_of_its_column_is_told_by_the_column(
    members: dict[str, Any], columns: tuple[str, ...]
) -> None:
    assert fault(json.dumps(members)) == Fault(why=Why.INVALID, columns=columns)


@pytest.mark.parametrize("secret", ["otpauth://totp/a@b.c?secret=AAAA", "OtpAuth://x@y", "$argon2id$v=19$m=8@x.y"])
@pytest.mark.parametrize("column", ["login", "email", "role", "language", "time_zone", "last_used_at"])
def test_a_secret_in_another_column_is_neither_taken_nor_told(secret: str, column: str) -> None:
    """The columns are mixed up: the next one may be the login's."""
    line = json.dumps({"login": "udo.user", column: secret})
    (found,) = read(line, Format.JSONL)
    assert (found.content, found.login) == (Fault(why=Why.SECRET_ELSEWHERE), None)


def test_what_cannot_be_a_login_is_not_told() -> None:
    for login in ("x" * 65, "\x1b[31mudo", " udo", "udo\u202e", ""):
        (found,) = read(json.dumps({"login": login}), Format.JSONL)
        assert found.login is None


def test_a_newcomer_does_not_show_secrets() -> None:
    shown = repr(only(json.dumps(FULL_MEMBERS), Format.JSONL))
    assert "secret=" not in shown
    assert "argon2" not in shown


class Endless(io.RawIOBase):
    """One line of a gigabyte, made while it is read."""

    def __init__(self) -> None:
        self.left = 2**30

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size = min(len(buffer), self.left)
        buffer[:size] = b"x" * size
        self.left -= size
        return size


def test_a_line_of_a_gigabyte_takes_no_memory() -> None:
    tracemalloc.start()
    try:
        found = list(read_users(io.BufferedReader(Endless(), 2**18), Format.JSONL))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [line.content for line in found] == [Fault(why=Why.LINE_TOO_LONG)]
    assert peak < 2**21


@for_all(
    st.binary() | st.binary().map(b"login,email\n".__add__) | st.text().map(lambda text: f"login\n{text}".encode())
)
def test_no_bytes_make_it_raise_anything_else(content: bytes) -> None:
    for file_format in Format:
        try:
            found = read(content, file_format)
        except WrongHeader:
            continue
        assert [line.number for line in found] == sorted({line.number for line in found})


# What is written about it.


def test_the_document_names_every_column_and_every_reason() -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    for word in (*COLUMNS, *Why, *KeyFault):
        assert f"`{word}`" in document, word
