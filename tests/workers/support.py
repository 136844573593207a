"""One worker whose rounds are made by hand, and what it leaves."""

from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any
from uuid import UUID

from services.application.mail import MailRefused, Message
from services.bootstrap import Runtime
from tests.support.service import Person, Service
from workers.effects.drain import Drain
from workers.main import drain_of, report_drain_of
from workers.projector import Projector
from workers.queue import EffectQueue
from workers.sealer import Sealer

NOTHING = object()


@dataclass
class Worker:
    """Everything that one worker process has."""

    parts: Runtime
    folder: Path
    drains: Drain = field(init=False)
    reports: Drain = field(init=False)
    projector: Projector = field(init=False)

    def __post_init__(self) -> None:
        self.drains = drain_of(self.parts)
        self.reports = report_drain_of(self.parts)
        self.projector = Projector(self.parts.pool, self.parts.wrapper)

    async def drain(self) -> int:
        return await self.drains.drain()

    async def project(self) -> int:
        return await self.projector.project()

    async def seal(self) -> None:
        r = self.parts
        await Sealer(r.pool, r.signer, r.clock, r.entropy, r.settings.installation_name).seal()

    async def build(self) -> int:
        """Seal what there is, then build the reports that are due."""
        await self.seal()
        return await self.reports.drain()

    def queue(self) -> EffectQueue:
        return EffectQueue(self.parts.pool, self.parts.store, self.parts.clock)

    def mails(self) -> list[EmailMessage]:
        """All that were written, by recipient."""
        parser = BytesParser(policy=policy.default)
        found: list[EmailMessage] = [
            parser.parsebytes(file.read_bytes()) for file in (self.folder / "mail").glob("*.eml")
        ]
        return sorted(found, key=lambda mail: str(mail["To"]))

    def mail_to(self, address: str) -> EmailMessage:
        return next(mail for mail in self.mails() if mail["To"] == address)

    async def effect(self, company_id: UUID, kind: str) -> Any:
        """The newest effect row of a kind."""
        return await self.parts.pool.fetchrow(
            "SELECT * FROM effect WHERE company_id = $1 AND kind = $2 ORDER BY position DESC LIMIT 1",
            company_id,
            kind,
        )


@dataclass
class BrokenMailer:
    """Takes nothing over, and counts how often it was asked."""

    asked: int = 0

    async def deliver(self, message: Message) -> None:
        self.asked += 1
        raise MailRefused("SMTPServerDisconnected")


async def reset_by(service: Service, administrator: Person, user: Person, reason: str = "lost phone") -> None:
    """An administrator resets a user's key, fresh."""
    token = await service.fresh_sign_in(administrator)
    done = await service.call("POST", f"/v1/users/{user.user_id}/two-factor/reset", token, {"reason": reason})
    assert done.status == 200, done


def only(events: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """The one event of that type."""
    (found,) = [event for event in events if event["type"] == name]
    return found
