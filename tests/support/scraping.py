"""What `GET /metrics` of one process says, read as Prometheus reads it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from services.bootstrap import Runtime
from services.cli.serve import operations
from tests.support.processes import free_port

Labels: TypeAlias = tuple[tuple[str, str], ...]


@dataclass
class Scrape:
    """One answer. Samples by name and labels; `types` by the name of the family."""

    text: str = field(repr=False)
    samples: dict[tuple[str, Labels], float]
    types: dict[str, str]

    def value(self, name: str, **labels: str) -> float:
        return self.samples[f"factorlog_{name}", tuple(sorted(labels.items()))]

    def labels(self) -> set[tuple[str, str]]:
        """Every label with its value, but for the bounds of buckets."""
        return {pair for _, labels in self.samples for pair in labels if pair[0] != "le"}

    def counted_since(self, before: "Scrape", *names: str) -> dict[tuple[str, ...], float]:
        """What counters of these names gained: (name, label value…)."""
        wanted = {f"factorlog_{name}": name for name in names}
        return {
            (wanted[name], *(value for _, value in labels)): value - before.samples.get((name, labels), 0.0)
            for (name, labels), value in self.samples.items()
            if name in wanted and value != before.samples.get((name, labels), 0.0)
        }


def read(text: str) -> Scrape:
    """Fails where the text is none of Prometheus, or says something twice."""
    samples: dict[tuple[str, Labels], float] = {}
    types: dict[str, str] = {}
    for family in text_string_to_metric_families(text):
        assert family.name not in types, family.name
        types[family.name] = family.type
        for sample in family.samples:
            key = sample.name, tuple(sorted(sample.labels.items()))
            assert key not in samples, key
            samples[key] = sample.value
    return Scrape(text, samples, types)


async def scraped(port: int) -> Scrape:
    """Asked of a process's operations port."""
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as http,
        http.get(f"http://127.0.0.1:{port}/metrics") as answer,
    ):
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        return read(await answer.text())


async def listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


@dataclass(frozen=True)
class Watched:
    """The operations port of parts that run in this process."""

    port: int

    async def scrape(self) -> Scrape:
        return await scraped(self.port)


@asynccontextmanager
async def watched(parts: Runtime) -> AsyncIterator[Watched]:
    port = free_port()
    async with operations(parts, port):
        yield Watched(port)
