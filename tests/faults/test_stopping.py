"""Stops: asked to, a process finishes what it has in hand; killed, the next run takes over what it left."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator

import aiohttp
import pytest

from services.embedded.process import is_running
from tests.support.people import Portal, request_id
from tests.support.processes import Installation, command, eventually, new_installation, wait_until
from tests.support.service import Reply
from tests.support.soundness import flaws, request_ids

pytestmark = pytest.mark.xdist_group("stopping")

IN_FLIGHT = 40
STOP_SECONDS = 20


@pytest.fixture(scope="module")
def mine() -> Iterator[Installation]:
    """An installation that these tests stop and start again."""
    with new_installation() as made:
        made.start()
        made.up.wait_ready()
        yield made


@pytest.fixture
def running(mine: Installation) -> Installation:
    if not mine.up.is_alive:
        mine.start()
    mine.up.wait_ready()
    return mine


async def test_v05_a_process_that_is_asked_to_stop_answers_every_request_in_flight(running: Installation) -> None:
    # Refused first steps are answered so long after they came: surely in flight.
    child, url = running.serve(FACTORLOG_REFUSAL_MILLISECONDS="2000")
    await child.ready()
    async with running.portal(url) as portal, running.portal(url) as others:
        admin = await running.admin()
        account = await portal.new(admin)
        session = await portal.sign_in(account)
        reading = [asyncio.create_task(_keep_reading(others, session)) for _ in range(8)]
        before = portal.sent
        flying = [asyncio.create_task(portal.start(account, f"wrong {n}")) for n in range(IN_FLIGHT)]
        flying += [asyncio.create_task(_created(portal, admin)) for _ in range(4)]
        await eventually(lambda: portal.sent == before + len(flying) and others.sent > 16, 20, "all are on their way")
        # Connections are taken in order: when this one is served, those are.
        async with running.portal(url) as last:
            assert (await last.call("GET", "/healthz")).status == 200
        assert not any(task.done() for task in flying[:IN_FLIGHT])
        child.send(signal.SIGTERM)
        answers = await asyncio.gather(*flying)
        assert {answer.status for answer in answers[:IN_FLIGHT]} <= {401, 429}
        assert [answer.status for answer in answers[IN_FLIGHT:]] == [201] * 4
        assert await child.ended(STOP_SECONDS) == 0
        await asyncio.gather(*reading)
        with pytest.raises(aiohttp.ClientConnectorError):
            await portal.call("GET", "/healthz")
    async with running.database() as database:
        assert {request_id(answer) for answer in answers[IN_FLIGHT:]} <= await request_ids(database)


def test_up_that_is_asked_to_stop_ends_cleanly_and_leaves_no_process(running: Installation) -> None:
    began = time.monotonic()
    running.up.send(signal.SIGTERM)
    wait_until(lambda: not running.up.is_alive, STOP_SECONDS, "the end of up")
    assert running.up.process.returncode == 0
    assert running.pids() == []
    assert running.server_pids() == []
    assert time.monotonic() - began < 10, "with nothing in hand a stop takes no ten seconds"


def test_up_that_is_interrupted_ends_as_cleanly(running: Installation) -> None:
    running.up.send(signal.SIGINT)
    wait_until(lambda: not running.up.is_alive, STOP_SECONDS, "the end of up")
    assert running.up.process.returncode == 0
    assert running.pids() + running.server_pids() == []


def test_a_second_start_keeps_the_demo(running: Installation) -> None:
    # How long it takes is a figure of `make bench`.
    before = running.document
    running.up.stop()
    running.start().wait_ready()
    assert running.document == before


@pytest.mark.parametrize("freeze", [False, True])
async def test_a_killed_up_leaves_no_program_and_the_next_one_takes_the_servers_over(
    running: Installation, freeze: bool
) -> None:
    programs = [running.child_pid("serve"), running.child_pid("work")]
    async with running.portal() as portal:
        account = await portal.new(await running.admin(), on=True)
        session = await portal.sign_in(account)
    running.up.kill()
    # Nobody may write beside the next run.
    await eventually(lambda: not any(pid is not None and is_running(pid) for pid in programs), 5, "no program")
    servers = {running.postgres_pid(), running.valkey_pid()}
    assert all(map(is_running, servers))
    if freeze:
        # Orphans that do not answer are no use: they are replaced.
        for pid in servers:
            os.kill(pid, signal.SIGSTOP)
    running.start()
    await running.up.ready()
    assert freeze != (servers == {running.postgres_pid(), running.valkey_pid()})
    async with running.portal() as portal:
        assert (await portal.call("GET", "/v1/me", session)).status == 200
    async with running.database() as database:
        assert await flaws(database, running.data_dir / "secrets" / "key") == []


async def test_one_cannot_be_started_beside_it_and_is_told_why(running: Installation) -> None:
    beside = Installation(running.folder, 1 + running.port)
    beside.start()
    assert await beside.up.ended(20) == 4
    assert f"{running.data_dir} is in use by process {running.up.pid}" in beside.up.complaints
    assert "Traceback" not in beside.up.complaints
    assert await running.answers()


async def test_a_port_that_is_taken_is_told_by_up_and_by_serve(running: Installation) -> None:
    with new_installation() as other:
        other.port = running.port
        other.start()
        assert await other.up.ended(20) == 4
        assert f"port {running.port} is in use" in other.up.complaints
        assert "Traceback" not in other.up.complaints
        assert not other.data_dir.exists()
    said = await asyncio.to_thread(command, "serve", "--data-dir", running.data_dir, "--port", str(running.port))
    assert said.code == 4, said
    assert "in use" in said.err
    assert "Traceback" not in said.err


async def _created(portal: Portal, admin: str) -> Reply:
    login = f"s{time.monotonic_ns()}"
    return await portal.call("POST", "/v1/users", admin, {"login": login, "role": "user"})


async def _keep_reading(portal: Portal, session: str) -> None:
    """On kept connections until nobody listens any more."""
    while True:
        try:
            answer = await portal.call("GET", "/v1/me", session)
        except aiohttp.ClientConnectorError:
            return
        assert answer.status == 200
