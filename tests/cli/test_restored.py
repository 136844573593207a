"""`factorlog restored` and the starts before it, as an operator has them: real programs on a real data directory."""

import json
import shutil
from collections.abc import Iterator

import pytest

from tests.support.processes import Installation, command, eventually, new_installation

RUN = "run `factorlog restored`"


@pytest.fixture(scope="module")
def place() -> Iterator[Installation]:
    """One of its own: it is stopped, and its database put back."""
    with new_installation() as made:
        made.start()
        made.up.wait_ready()
        yield made


async def test_c10_the_drill_of_the_operations_page(place: Installation) -> None:
    async with place.portal() as portal:
        admin = await place.admin()
        uta, gone = await portal.new(admin, on=True), await portal.new(admin, on=True)
        session = await portal.sign_in(uta)
    assert command("restored", "--data-dir", place.data_dir).code == 1  # beside `up`

    assert place.up.stop() == 0
    heap = place.data_dir / "postgres" / "data"
    shutil.copytree(heap, place.folder / "backup", symlinks=True)
    for path in (place.folder / "backup", *(place.folder / "backup").rglob("*")):
        owner = (heap / path.relative_to(place.folder / "backup")).lstat()
        shutil.chown(path, owner.st_uid, owner.st_gid)
    place.start()
    await place.up.ready()
    async with place.portal() as portal:
        assert (await portal.call("DELETE", f"/v1/users/{gone.user_id}", await place.admin())).status == 204
        assert (await portal.call("POST", "/v1/me/sign-out", session)).status == 204
    assert place.up.stop() == 0
    shutil.rmtree(heap)
    (place.folder / "backup").rename(heap)

    # Every start says what to do, and nothing is served.
    up = place.start()
    assert await up.ended() == 1
    assert RUN in up.complaints

    done = command("restored", "--data-dir", place.data_dir, "--json")
    assert done.code == 0, done.err
    assert done.json["epoch"] > 1
    assert (done.json["erased"], done.json["left"]) == (1, [])

    place.start()
    await place.up.ready()
    async with place.portal() as portal:
        assert (await portal.call("GET", "/v1/me", session)).status == 401
        assert (await portal.start(gone)).code == "invalid_credentials"
        again = await portal.start(uta)
        assert again.status == 201
    checked = command("check", "--data-dir", place.data_dir, "--json")
    assert json.loads(checked.out) == {"sound": True, "findings": []}


async def test_c10_programs_end_by_themselves_when_their_database_is_another(place: Installation) -> None:
    """Somebody restored under running programs. Those that are supervised come back and serve the new epoch."""
    served, url = place.serve()
    worked = place.work()
    await eventually(lambda: place.answers(url), 60, "a further process")
    await eventually(lambda: '"working"' in worked.complaints, 60, "a further worker")
    async with place.database() as database:
        await database.execute("UPDATE installation SET epoch = epoch + 1")
    for child in (served, worked):
        assert await child.ended() == 0
        assert "database_behind" in child.complaints
    await eventually(place.answers, 60, "the supervised process of the new epoch")


async def test_a_damaged_journal_keeps_every_program_from_starting(place: Installation) -> None:
    path = place.data_dir / "secrets" / "journal"
    good = path.read_bytes()
    try:
        path.write_bytes(good.replace(b'"kind":"epoch"', b'"kind":"epocH"', 1))
        for words in (("serve", "--port", "1"), ("work",), ("check",), ("keys", "status")):
            said = command(*words, "--data-dir", place.data_dir)
            assert said.code == 1, said
            assert "damaged in line" in said.err
    finally:
        path.write_bytes(good)


def test_without_a_cluster_there_is_nothing_to_restore(place: Installation) -> None:
    said = command("restored", "--data-dir", place.folder / "nowhere")
    assert said.code == 4
    assert "never started" in said.err
    assert not (place.folder / "nowhere").exists()
