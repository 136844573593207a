"""Every mailer: the message arrives once and whole, and no value becomes a header."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from uuid import UUID

import pytest
import pytest_asyncio
from aiosmtpd.smtp import SMTP

from services.adapters.mail import EmlMailer, MailFolder, SmtpMailer
from services.application.mail import AddressUnusable, Mailer, MailRefused, Message

SENDER = "factorlog@portal.example"
MESSAGE = Message(
    id=UUID(int=4711),
    to="uta@acme.example",
    subject="Zweiter Faktor zurückgesetzt",
    text="Guten Tag,\n\nder zweite Faktor – „neu“.\n.\nEin Punkt allein.\n" + "lang " * 300 + "\n",
    at=datetime(2026, 11, 23, 13, 5, tzinfo=UTC),
)


@dataclass
class Post:
    """A mailer, and what arrived behind it."""

    mailer: Mailer
    arrived: Callable[[], list[bytes]]

    def messages(self) -> list[EmailMessage]:
        parser = BytesParser(policy=policy.default)
        return [parser.parsebytes(raw) for raw in self.arrived()]


class _Sink:
    def __init__(self) -> None:
        self.raw: list[bytes] = []
        self.recipients: list[str] = []

    async def handle_DATA(self, server: object, session: object, envelope: object) -> str:
        self.raw.append(envelope.content)  # type: ignore[attr-defined]
        self.recipients += envelope.rcpt_tos  # type: ignore[attr-defined]
        return "250 taken over"


class _Refusing:
    async def handle_RCPT(self, *_: object) -> str:
        return "450 try later, uta@acme.example"


@pytest_asyncio.fixture(params=["files", "smtp"])
async def post(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Post]:
    if request.param == "files":
        folder = tmp_path / "mail"
        yield Post(EmlMailer(folder, SENDER), lambda: [f.read_bytes() for f in folder.glob("*.eml")])
        return
    sink = _Sink()
    async with _serving(sink) as url:
        yield Post(SmtpMailer(url, SENDER), lambda: sink.raw)


@asynccontextmanager
async def _serving(handler: object) -> AsyncIterator[str]:
    """A mail server without TLS, of that behaviour; its URL."""
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(handler, enable_SMTPUTF8=True, hostname="test"), "127.0.0.1", 0
    )
    try:
        yield f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await server.wait_closed()


async def test_a_message_arrives_with_its_headers_and_its_text(post: Post) -> None:
    await post.mailer.deliver(MESSAGE)
    (mail,) = post.messages()
    assert mail["From"] == SENDER
    assert mail["To"] == MESSAGE.to
    assert mail["Subject"] == MESSAGE.subject
    assert mail["Message-ID"] == f"<{MESSAGE.id}@portal.example>"
    assert mail["Date"].datetime == MESSAGE.at
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content().replace("\r\n", "\n") == MESSAGE.text
    assert all(len(line) < 998 for line in post.arrived()[0].split(b"\r\n"))
    assert sorted(mail.keys()) == sorted({*mail.keys()} & {*_HEADERS, "X-Peer", "X-MailFrom", "X-RcptTo"})


_HEADERS = (
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
)


async def test_the_same_message_again_is_recognisable(post: Post) -> None:
    await post.mailer.deliver(MESSAGE)
    await post.mailer.deliver(MESSAGE)
    assert {mail["Message-ID"] for mail in post.messages()} == {f"<{MESSAGE.id}@portal.example>"}


@pytest.mark.parametrize(
    "to",
    [
        "uta@acme.example\r\nBcc: all@acme.example",
        "uta@acme.example, all@acme.example",
        "Uta <uta@acme.example>",
        "uta@acme.example\x00",
        "ütä@acme.example",
        "uta",
        "@acme.example",
        "uta@",
        "uta@@acme.example",
        "",
        "uta@" + "a" * 70 + ".example",
    ],
)
async def test_what_is_not_one_address_is_refused_and_nothing_is_sent(post: Post, to: str) -> None:
    with pytest.raises(AddressUnusable):
        await post.mailer.deliver(replace(MESSAGE, to=to))
    assert post.arrived() == []


async def test_a_subject_cannot_add_a_header(post: Post) -> None:
    await post.mailer.deliver(replace(MESSAGE, subject="neu\r\nBcc: all@acme.example\n\nText"))
    (mail,) = post.messages()
    assert mail["Bcc"] is None
    assert mail["Subject"] == "neu Bcc: all@acme.example Text"


async def test_a_domain_in_other_letters_is_written_in_ascii(post: Post) -> None:
    await post.mailer.deliver(replace(MESSAGE, to="uta@müller.example"))
    (mail,) = post.messages()
    assert mail["To"] == "uta@xn--mller-kva.example"


async def test_files_are_whole_private_and_named_by_the_message(tmp_path: Path) -> None:
    mailer = EmlMailer(tmp_path / "mail", SENDER)
    await mailer.deliver(MESSAGE)
    await mailer.deliver(MESSAGE)
    (file,) = (tmp_path / "mail").iterdir()
    assert file.name == f"{MESSAGE.id}.eml"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


async def test_files_are_found_by_the_people_in_them_and_only_theirs_go(tmp_path: Path) -> None:
    uta, anna, udo = (UUID(int=n) for n in (1, 2, 3))
    mailer, folder = EmlMailer(tmp_path / "mail", SENDER), MailFolder(tmp_path / "mail")
    for n, people in enumerate([(uta,), (anna, uta), (anna,), (anna, udo), ()]):
        await mailer.deliver(replace(MESSAGE, id=UUID(int=100 + n), people=people))
    await folder.forget(UUID(int=9), uta)
    left = {UUID(file.name.split(".")[0]).int for file in (tmp_path / "mail").iterdir()}
    assert left == {102, 103, 104}
    await folder.forget(UUID(int=9), anna)
    await folder.forget(UUID(int=9), anna)
    assert [file.name for file in (tmp_path / "mail").iterdir()] == [f"{UUID(int=104)}.eml"]
    await MailFolder(tmp_path / "never there").forget(UUID(int=9), anna)


async def test_a_folder_that_cannot_be_written_is_a_refusal(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("a file")
    with pytest.raises(MailRefused):
        await EmlMailer(tmp_path / "mail", SENDER).deliver(MESSAGE)


async def test_a_refusal_names_the_code_and_nobody() -> None:
    async with _serving(_Refusing()) as url:
        with pytest.raises(MailRefused, match="450") as refused:
            await SmtpMailer(url, SENDER).deliver(MESSAGE)
    assert "acme" not in str(refused.value)


async def test_a_server_that_is_away_is_a_refusal() -> None:
    with pytest.raises(MailRefused):
        await SmtpMailer("smtp://127.0.0.1:1", SENDER).deliver(MESSAGE)


async def test_beyond_this_machine_nothing_goes_out_in_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    sink = _Sink()
    monkeypatch.setattr("services.adapters.mail._is_this_machine", lambda host: False)
    async with _serving(sink) as url:
        with pytest.raises(MailRefused):
            await SmtpMailer(url, SENDER).deliver(MESSAGE)
    assert sink.raw == []


@pytest.mark.parametrize("url", ["http://mail.example", "smtp://", "mail.example", "smtp:mail.example"])
def test_another_url_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="SMTP URL"):
        SmtpMailer(url, SENDER)


@pytest.mark.parametrize("sender", ["nobody", "a@b.example\r\nBcc: c@d.example", "Factorlog <a@b.example>"])
def test_a_sender_that_is_no_address_is_refused_at_once(tmp_path: Path, sender: str) -> None:
    with pytest.raises(ValueError, match="plain address"):
        EmlMailer(tmp_path, sender)
