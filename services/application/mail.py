"""Mail as a use case sees it: one message to one address."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID


class MailRefused(Exception):
    """The message was not taken over. The text names the kind of failure, never an address or a content."""


class AddressUnusable(Exception):
    """No mail can be sent to this address, however often it is tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Plain text for one recipient. The same `id` means the same message: a second delivery is recognisable by it.

    `people`: whom it is to and whom it tells of, so that a kept copy goes when one of them is erased.
    """

    id: UUID
    to: str = field(repr=False)
    subject: str
    text: str = field(repr=False)
    at: datetime
    people: tuple[UUID, ...] = ()


class Mailer(Protocol):
    """Takes messages over. Safe to call concurrently, and with one message again."""

    async def deliver(self, message: Message) -> None:
        """Somebody else is responsible when this returns. Raises MailRefused, AddressUnusable."""
        ...
