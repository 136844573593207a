"""Mail over SMTP, or as files in a directory."""

import asyncio
import ipaddress
import os
from binascii import b2a_qp
from contextlib import suppress
from email.errors import MessageError
from email.header import Header
from email.headerregistry import Address
from email.utils import format_datetime
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit
from uuid import UUID

import aiosmtplib

from services.application.mail import AddressUnusable, MailRefused, Message

CONNECTIONS: Final = 8  # at once, of one process
ANSWER_SECONDS: Final = 5.0  # for one answer of the server
DELIVERY_SECONDS: Final = 12.0  # for one message: shorter than a worker's lease

_LINE: Final = 900  # RFC 5322 allows 998 characters


def compose(message: Message, sender: str) -> bytes:
    """The message as it travels. Raises AddressUnusable; no value can add a header.

    Put together here: `email` takes a millisecond for it, and holds addresses to less.
    """
    headers = {
        "From": sender,
        "To": address_of(message.to),
        "Subject": Header(" ".join(message.subject.split()), "utf-8", maxlinelen=_LINE).encode(),
        "Date": format_datetime(message.at),
        "Message-ID": f"<{message.id}@{sender.rpartition('@')[2]}>",
        "Auto-Submitted": "auto-generated",  # RFC 3834: no out-of-office answers, please
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Transfer-Encoding": "quoted-printable",
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    text = "\r\n".join(message.text.splitlines()) + "\r\n"
    return lines.encode("ascii") + b"\r\n" + b2a_qp(text.encode(), istext=True)


class EmlMailer:
    """Writes each message to a file of its own, named by its id: delivered twice, it is there once.

    The ids of the people in it follow in the name, so that theirs are found without a look into any.
    """

    def __init__(self, directory: Path, sender: str) -> None:
        self._directory = directory
        self._sender = sender_address(sender)

    async def deliver(self, message: Message) -> None:
        mail = compose(message, self._sender)
        try:
            # Into the page cache, no further: a small part of what the way to a thread and back costs.
            self._write(_name(message), mail)
        except OSError as error:
            raise MailRefused(type(error).__name__) from error

    def _write(self, name: str, content: bytes) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Of this process: two that write the same message do not write into one file.
        partial = self._directory / f".{name}.{os.getpid()}"
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        partial.replace(self._directory / name)


def _name(message: Message) -> str:
    return ".".join(str(one) for one in (message.id, *dict.fromkeys(message.people))) + ".eml"


class MailFolder:
    """The files of EmlMailer, whoever writes them, or wrote them once."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def forget(self, company_id: UUID, user_id: UUID) -> None:
        """Remove what was written to a person or tells of one; also what another process was just writing."""
        await asyncio.to_thread(self._remove, str(user_id))

    def _remove(self, user_id: str) -> None:
        with suppress(FileNotFoundError), os.scandir(self._directory) as files:
            for file in files:
                if user_id in file.name:
                    Path(file.path).unlink(missing_ok=True)


class SmtpMailer:
    """Hands messages to a server: `smtp://` with STARTTLS, `smtps://` in TLS. In clear to this machine only."""

    def __init__(self, url: str, sender: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise ValueError("an SMTP URL is smtp://host or smtps://host, with user:password@ and :port if needed")
        self._sender = sender_address(sender)
        self._host = parts.hostname
        self._implicit_tls = parts.scheme == "smtps"
        self._port = parts.port or (465 if self._implicit_tls else 587 if parts.username else 25)
        self._user = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password) if parts.password else None
        self._free = asyncio.Semaphore(CONNECTIONS)

    async def deliver(self, message: Message) -> None:
        mail = compose(message, self._sender)
        try:
            async with self._free, asyncio.timeout(DELIVERY_SECONDS):
                await self._send(mail, address_of(message.to))
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise MailRefused(f"recipient refused: {error.recipients[0].code}") from error
        except aiosmtplib.SMTPResponseException as error:
            raise MailRefused(f"{type(error).__name__}: {error.code}") from error
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise MailRefused(type(error).__name__) from error

    async def _send(self, mail: bytes, to: str) -> None:
        await aiosmtplib.send(
            mail,
            sender=self._sender,
            recipients=[to],
            hostname=self._host,
            port=self._port,
            username=self._user,
            password=self._password,
            use_tls=self._implicit_tls,
            start_tls=not (self._implicit_tls or _is_this_machine(self._host)),
            timeout=ANSWER_SECONDS,
        )


def sender_address(text: str) -> str:
    """Our own address. Raises ValueError with a sentence for the operator."""
    try:
        return address_of(text)
    except AddressUnusable as error:
        raise ValueError("the sender of mails has to be one plain address, name@domain") from error


def address_of(text: str) -> str:
    """One mail address and nothing else; a domain in other letters than ASCII is written in them."""
    local, _, domain = text.rpartition("@")
    try:
        plain = f"{local}@{domain.encode('idna').decode('ascii')}"
        address = Address(addr_spec=plain)
    except (ValueError, MessageError, IndexError) as error:
        raise AddressUnusable from error
    if not plain.isascii() or not plain.isprintable() or not address.username or not address.domain:
        raise AddressUnusable
    return plain


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
