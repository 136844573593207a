"""Requests that no well-behaved client sends."""

import asyncio
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.support.service import Reply


@dataclass
class RawReply:
    """One answer as it came over the wire; header names in lower case. Status 0: closed without an answer."""

    status: int
    headers: dict[str, str]
    body: bytes


def header(reply: Reply | RawReply, name: str) -> str | None:
    """The header of that name, in whatever case it was sent."""
    return {sent.lower(): value for sent, value in reply.headers.items()}.get(name.lower())


async def send_raw(url: str, request: bytes, seconds: float = 5) -> RawReply:
    """Send these bytes on a connection of their own and read until it is closed or silent."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        writer.write(request)
        answer = await _answer(reader, seconds)
    finally:
        writer.close()
    return _parsed(answer)


async def _answer(reader: asyncio.StreamReader, seconds: float) -> bytes:
    read = bytearray()
    try:
        async with asyncio.timeout(seconds):
            while chunk := await reader.read(65536):
                read += chunk
                if _is_whole(bytes(read)):
                    break
    except (TimeoutError, ConnectionError):
        pass
    return bytes(read)


def _is_whole(answer: bytes) -> bool:
    head, separator, body = answer.partition(b"\r\n\r\n")
    if not separator:
        return False
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            return len(body) >= int(line.partition(b":")[2])
    return False


def _parsed(answer: bytes) -> RawReply:
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    words = lines[0].split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    return RawReply(int(words[1]) if len(words) > 1 else 0, headers, body)
