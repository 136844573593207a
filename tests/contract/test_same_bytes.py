"""Both stores write the same bytes: what holds for the log of the one holds for that of the other."""

from dataclasses import replace
from uuid import UUID

from events.codec import SealingKeys
from events.store.memory import MemoryEventStore
from events.store.port import Append, EventStore
from events.store.postgres import PostgresEventStore
from tests.contract.stores import COMPANY, PostgresWorld, append, whole_log
from tests.support.given import USER, ident, later
from tests.support.samples import KEYS, METADATA, Nonces, facts, kind_of


class Ids:
    """Reproducible ids."""

    def __init__(self) -> None:
        self.drawn = 0

    def __call__(self) -> UUID:
        self.drawn += 1
        return ident(f"event-{self.drawn}")


def commands() -> list[Append]:
    """Every fact of the catalogue, with every box, at times that go back and forth."""
    plain = append(metadata=METADATA, keys=KEYS, state=None)
    made = [
        replace(plain, stream_id=ident(f"stream-{n}"), stream_kind=kind_of(fact), events=(fact,), decided_at=at)
        for n, fact in enumerate(facts())
        for at in [later(seconds=n % 7 - 3)]
    ]
    bare = replace(made[0], stream_id=USER, keys=SealingKeys(subject=KEYS.subject, subject_id=USER))
    return [*made, bare]


async def test_the_same_appends_give_the_same_bytes_in_memory_and_in_postgres(postgres: PostgresWorld) -> None:
    stores: list[EventStore] = [
        MemoryEventStore(Ids(), Nonces("bytes")),
        PostgresEventStore(postgres.pool, Ids(), Nonces("bytes")),
    ]
    for store in stores:
        for command in commands():
            await store.append(command)
    in_memory, in_postgres = [await whole_log(store, COMPANY) for store in stores]
    assert len(in_memory) == len(commands())
    assert in_memory == in_postgres
