"""Sealed logs of a test, and their exports."""

from pathlib import Path
from uuid import UUID

from services.adapters.trees import PostgresTrees
from services.application.evidence import Finding
from services.application.log_export import exported
from services.application.tree_check import check_trees
from tests.support.service import Service
from tests.workers.test_sealer import NAME, sealer_of, some_facts


async def sealed_company(service: Service, facts: int, seals: int = 3) -> UUID:
    """A company whose log was sealed now and then while it grew."""
    company = await service.company(f"Company {service.parts.entropy.uuid()}")
    sealer = sealer_of(service)
    for _ in range(seals):
        await some_facts(service, company, facts // seals)
        await sealer.seal()
    return company


async def export_to(service: Service, company: UUID, folder: Path) -> Path:
    """The log as `factorlog export` writes it."""
    trees = PostgresTrees(service.parts.pool)
    async for file in exported(trees, service.parts.signer, company, lambda done, total: None):
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
    return folder


async def checked(service: Service, company: UUID) -> list[Finding]:
    """What `factorlog check` finds of the company's tree."""
    return await check_trees(PostgresTrees(service.parts.pool), service.parts.signer, [company], NAME)
