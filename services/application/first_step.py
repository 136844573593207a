"""The first step of a sign-in: throttled before a password is hashed, and telling nothing when it is refused."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid5

from events.codec import SealingKeys
from events.company.events import PasswordRejected
from events.decision import Refusal
from events.envelope import StreamKind
from events.store.port import Append, EventStore, LoginAccount, StateDoc, Status
from services.application.context import ANONYMOUS, Caller, Request, metadata_of
from services.application.errors import Refused, Throttled
from services.application.execute import ATTEMPTS
from services.application.logins import keyed, limited_address, login_key
from services.application.meters import Meters
from services.application.ports import Clock, Limit, Overloaded, Passwords, Throttle
from services.application.rules import Rules
from services.application.vault import Vault

AT_ONCE: Final = 64  # first steps of one login from one address, in one process
_NO_STATE = StateDoc(doc="{}", schema=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """An account whose password was right, and the tries that were reserved for it."""

    account: LoginAccount
    limits: tuple[Limit, ...]


class FirstStep:
    def __init__(
        self,
        store: EventStore,
        vault: Vault,
        passwords: Passwords,
        throttle: Throttle,
        clock: Clock,
        rules: Rules,
        meters: Meters,
    ) -> None:
        self._store = store
        self._vault = vault
        self._passwords = passwords
        self._throttle = throttle
        self._clock = clock
        self._rules = rules
        self._meters = meters
        self._turns: dict[UUID, asyncio.Lock] = {}
        self._under_way: Counter[tuple[str, str]] = Counter()

    async def prove_password(self, login: str, password: str, request: Request, via: Caller | None = None) -> Proven:
        """The account when the password is right. Raises Refused, Throttled, Overloaded.

        `via` is the program that vouches for the address; it reaches the users of its own company, the provider's all.
        The reserved try stays counted until `succeeded`: a right password of a closed account looks like a wrong one.
        """
        key = login_key(login)
        async with self._few_at_once(key, limited_address(request.ip)):
            return await self._prove(key, password, request, via)

    async def succeeded(self, proven: Proven) -> None:
        await self._throttle.give_back(proven.limits)

    @asynccontextmanager
    async def _few_at_once(self, key: str, address: str) -> AsyncIterator[None]:
        """Before anything is asked of the database: a flood for one login would keep everybody else waiting there."""
        if self._under_way[key, address] >= AT_ONCE:
            raise Overloaded
        self._under_way[key, address] += 1
        try:
            yield
        finally:
            self._under_way[key, address] -= 1
            if not self._under_way[key, address]:
                del self._under_way[key, address]

    async def _prove(self, key: str, password: str, request: Request, via: Caller | None) -> Proven:
        account = await self._store.login(key, await self.address_hash(request))
        if account is not None and via is not None and not _reaches(via, account):
            account = None
        limits = await self._limits(key, account, request)
        reserved = await self._throttle.reserve(limits, self._clock.now())
        if reserved.wait is not None:
            self._meters.first_step_refused("throttled")
            if account is not None and reserved.first_refusal:
                await self._record(account, request, throttled=True, count=reserved.count)
            await self.wait_for_refusal(request)
            raise Throttled(reserved.wait)
        right = await self._passwords.verify(key, account.password if account else None, password)
        if account is None:
            self._meters.first_step_refused("unknown_login")
            raise Refused(Refusal.INVALID_CREDENTIALS)
        if not right:
            self._meters.first_step_refused("wrong_password")
            await self._record(account, request, throttled=False, count=1)
            raise Refused(Refusal.INVALID_CREDENTIALS)
        return Proven(account=account, limits=tuple(limits))

    async def wait_for_refusal(self, request: Request) -> None:
        """Until a fixed time after arrival, or the next multiple of it when that has passed."""
        step = self._rules.refusal_after
        if step <= timedelta(0):
            return
        waited = self._clock.now() - request.arrived_at
        await self._clock.sleep_until(request.arrived_at + step * (waited // step + 1))

    async def address_hash(self, request: Request) -> bytes:
        return keyed(await self._vault.pepper(), "address", limited_address(request.ip))

    async def _limits(self, key: str, account: LoginAccount | None, request: Request) -> list[Limit]:
        rules, pepper, address = self._rules.throttle, await self._vault.pepper(), limited_address(request.ip)
        if account is not None and account.address_is_known:
            # Its owner's usual place: a stranger's tries elsewhere never close it.
            known = keyed(pepper, "known", key, address)
            return [Limit(subject=known, tries=rules.per_known_address, window=rules.known_window)]
        return [
            Limit(subject=keyed(pepper, "from", address), tries=rules.per_address, window=rules.window),
            Limit(subject=keyed(pepper, "login", key), tries=rules.per_account, window=rules.window),
        ]

    async def _record(self, account: LoginAccount, request: Request, *, throttled: bool, count: int) -> None:
        """A fact on the company's sign-in stream; never on the user's, where a stranger must not contend."""
        user = account.user
        stream_id = uuid5(user.company_id, "sign_ins")
        now = self._clock.now()
        fact = PasswordRejected(user_id=user.user_id, throttled=throttled, count=count, rejected_at=now)
        keys = SealingKeys(
            subject=await self._vault.person_key(user.person_key),
            subject_id=user.user_id,
            month=await self._vault.month_key(user.company_id, now),
        )
        async with self._turns.setdefault(stream_id, asyncio.Lock()):
            for _ in range(ATTEMPTS):
                append = Append(
                    company_id=user.company_id,
                    stream_id=stream_id,
                    stream_kind=StreamKind.SIGN_INS,
                    expected=(await self._store.stream(user.company_id, stream_id)).version,
                    decided_at=now,
                    events=(fact,),
                    metadata=metadata_of(request, ANONYMOUS),
                    keys=keys,
                    state=_NO_STATE,
                )
                if (await self._store.append(append)).status is Status.APPENDED:
                    return


def _reaches(via: Caller, account: LoginAccount) -> bool:
    return via.company_id == account.user.company_id or via.home.state.provider
