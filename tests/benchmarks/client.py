"""The load: a process of its own with a client that costs little, the same for the service and for its floors.

Reads one job a line on standard input and answers with one line of JSON.
"""

import asyncio
import hmac
import json
import resource
import struct
import sys
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias

import uvloop

# Yields requests, is sent the bodies of their answers.
Conversation: TypeAlias = Generator[bytes, bytes, None]

_PERIOD: Final = 30
_USER_AGENT: Final = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody to act as: `token` of whatever the conversation needs."""

    token: str
    key: bytes
    login: str
    password: str


@dataclass(slots=True)
class Tally:
    """What came back."""

    stop_at: float
    people: Iterator[Person]
    latencies: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    used: int = 0

    def next_person(self) -> Person | None:
        if time.perf_counter() >= self.stop_at or self.wrong:
            return None
        person = next(self.people, None)
        self.used += person is not None
        return person


def otp(key: bytes) -> str:
    """The one-time password of now (RFC 6238)."""
    digest = hmac.digest(key, struct.pack(">Q", int(time.time()) // _PERIOD), "sha1")
    at = digest[-1] & 15
    return f"{(struct.unpack_from('>I', digest, at)[0] & 0x7FFFFFFF) % 1_000_000:06}"


def give_code(path: str, person: Person) -> Conversation:
    yield _request("POST", path, person.token, {"code": otp(person.key)})


def look_up(path: str, person: Person) -> Conversation:
    yield _request("GET", path, person.token, None)


def look_up_by_path(path: str, person: Person) -> Conversation:
    """What a bare handler is asked: the id stands in the address."""
    yield _request("GET", f"{path}/{person.token}", None, None)


def open_page(path: str, person: Person) -> Conversation:
    """As a browser that is signed in."""
    yield _request("GET", path, None, None, f"Cookie: factorlog={person.token}", "Accept-Language: de")


def try_policy(path: str, person: Person) -> Conversation:
    """A dry run of the strictest policy."""
    yield _request("POST", path, person.token, {"requirement": "required", "grace_days": 0})


def sign_in(path: str, person: Person) -> Conversation:
    answer = yield _request("POST", path, None, {"login": person.login, "password": person.password})
    token = json.loads(answer)["token"]
    yield _request("POST", f"{path}/current/code", token, {"code": otp(person.key)})


CONVERSATIONS: Final[dict[str, Callable[[str, Person], Conversation]]] = {
    "give_code": give_code,
    "look_up": look_up,
    "look_up_by_path": look_up_by_path,
    "open_page": open_page,
    "sign_in": sign_in,
    "try_policy": try_policy,
}


def _request(method: str, path: str, token: str | None, body: dict[str, Any] | None, *more: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"User-Agent: {_USER_AGENT}", "Accept: */*", *more]
    if token is not None:
        lines.append(f"Authorization: Bearer {token}")
    content = b""
    if body is not None:
        content = json.dumps(body).encode()
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join([*lines, "", ""]).encode() + content


class Caller(asyncio.Protocol):
    """One connection that asks again as soon as it is answered; every answer has to be a good one."""

    def __init__(self, talk: Callable[[Person], Conversation], tally: Tally, done: "asyncio.Future[None]") -> None:
        self._talk = talk
        self._tally = tally
        self._done = done
        self._received = b""
        self._began = 0.0
        self._conversation: Conversation | None = None
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._begin()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head_end = self._received.find(b"\r\n\r\n")
        if head_end < 0:
            return
        length = _content_length(self._received[:head_end])
        if len(self._received) < head_end + 4 + length:
            return
        answer, self._received = self._received, b""
        if answer[9:12] not in (b"200", b"201"):
            self._tally.wrong.append(answer.decode(errors="replace")[:600])
            self._end()
            return
        self._go_on(answer[head_end + 4 :])

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._tally.wrong.append(f"the connection was closed: {exc}")
            self._done.set_result(None)

    def _begin(self) -> None:
        person = self._tally.next_person()
        if person is None:
            self._end()
            return
        self._began = time.perf_counter()
        self._conversation = self._talk(person)
        self._write(next(self._conversation))

    def _go_on(self, body: bytes) -> None:
        assert self._conversation is not None
        try:
            self._write(self._conversation.send(body))
        except StopIteration:
            self._tally.latencies.append(time.perf_counter() - self._began)
            self._begin()

    def _write(self, request: bytes) -> None:
        self._transport.write(request)

    def _end(self) -> None:
        if not self._done.done():
            self._done.set_result(None)
        if self._transport is not None:
            self._transport.close()


def _content_length(head: bytes) -> int:
    at = head.lower().find(b"content-length:")
    if at < 0:
        return 0
    return int(head[at + 15 :].split(b"\r\n", 1)[0])


async def run(job: dict[str, Any], people: list[Person]) -> dict[str, Any]:
    """One job to its end."""
    loop = asyncio.get_running_loop()
    talk, path = CONVERSATIONS[job["conversation"]], job["path"]
    began, cpu = time.perf_counter(), _cpu()
    tally = Tally(began + job["seconds"], _taken(people, job["skip"], again=job["again"]))
    ends: list[asyncio.Future[None]] = [loop.create_future() for _ in range(job["callers"])]
    for end in ends:
        await loop.create_connection(partial(Caller, partial(talk, path), tally, end), "127.0.0.1", job["port"])
    await asyncio.gather(*ends)
    ordered = sorted(tally.latencies) or [0.0]
    return {
        "operations": len(tally.latencies),
        "seconds": time.perf_counter() - began,
        "p50": 1e3 * ordered[len(ordered) // 2],
        "p95": 1e3 * ordered[int(len(ordered) * 0.95)],
        "p99": 1e3 * ordered[int(len(ordered) * 0.99)],
        "used": tally.used,
        "cpu": _cpu() - cpu,
        "wrong": tally.wrong[:1],
    }


def _taken(people: list[Person], skip: int, *, again: bool) -> Iterator[Person]:
    """From `skip` on, once; or round and round."""
    yield from people[skip:]
    while again:
        yield from people


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def read_people(path: str) -> list[Person]:
    rows = json.loads(Path(path).read_text())
    return [Person(token, bytes.fromhex(key), login, password) for token, key, login, password in rows]


async def main() -> None:
    cache: dict[str, list[Person]] = {}
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        job = json.loads(line)
        people = cache.get(job["people"]) or cache.setdefault(job["people"], read_people(job["people"]))
        print(json.dumps(await run(job, people)), flush=True)


if __name__ == "__main__":
    uvloop.run(main())
