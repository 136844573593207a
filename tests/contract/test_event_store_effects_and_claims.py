"""What goes into the commit beside the facts: effects and their leases, logins, keys of persons, kept answers."""

from dataclasses import replace

import pytest

from events.company.events import TracesDestroyed
from events.credentials import CredentialKind
from events.store.port import Alone, EffectDone, EventStore, IdempotencyClaim, NewEffect, Status
from events.store.states import user_doc
from events.user.state import UserState
from tests.contract.stores import (
    COMPANY,
    FACT,
    MAILED,
    OTHER_COMPANY,
    World,
    append,
    credential,
    outcome,
    whole_log,
)
from tests.support.given import NOON, USER, ident

OTHER_USER = ident("other-user")
REVOKED = "revoke_sessions"
CLAIM = IdempotencyClaim(caller="caller", key="key", digest=b"\x00" * 32)


class TestEffects:
    EFFECTS = (
        NewEffect(event=0, kind=MAILED, target="udo"),
        NewEffect(event=1, kind=MAILED, target="udo"),
        NewEffect(event=1, kind=REVOKED, target="udo"),
    )
    OPEN = ((1, MAILED, "udo"), (2, MAILED, "udo"), (2, REVOKED, "udo"))

    async def prepared(self, world: World) -> EventStore:
        store = world.process()
        await store.append(append(FACT, FACT, effects=self.EFFECTS))
        return store

    def done(self, attempts: int, *, failed: bool = False, position: int = 2) -> EffectDone:
        return EffectDone(position=position, kind=MAILED, target="udo", attempts=attempts, failed=failed)

    async def test_an_effect_stands_at_the_position_of_its_fact(self, world: World) -> None:
        await self.prepared(world)
        assert await world.open_effects(COMPANY) == list(self.OPEN)
        assert await world.open_effects(OTHER_COMPANY) == []

    async def test_a_refused_command_calls_for_nothing(self, world: World) -> None:
        """A rebuild or a lost race can never fire anything."""
        store = await self.prepared(world)
        assert (await store.append(append(FACT, FACT, effects=self.EFFECTS))).status is Status.CONFLICT
        assert await world.open_effects(COMPANY) == list(self.OPEN)

    @pytest.mark.parametrize("failed", [False, True])
    async def test_the_outcome_and_its_mark_are_one_commit(self, world: World, failed: bool) -> None:
        store = await self.prepared(world)
        token = await world.claim(COMPANY, *self.OPEN[1])
        result = await store.append(outcome(ident("outcome"), done=self.done(token, failed=failed)))
        assert (result.status, result.first_position) == (Status.APPENDED, 3)
        assert await world.open_effects(COMPANY) == [self.OPEN[0], self.OPEN[2]]

    @pytest.mark.parametrize("failed", [False, True])
    async def test_an_outcome_is_recorded_once(self, world: World, failed: bool) -> None:
        store = await self.prepared(world)
        token = await world.claim(COMPANY, *self.OPEN[1])
        await store.append(outcome(ident("outcome"), done=self.done(token, failed=failed)))
        for again in (self.done(token), self.done(token, failed=True)):
            result = await store.append(outcome(ident("second-outcome"), done=again))
            assert result.status is Status.LOST_LEASE
        assert len(await whole_log(store)) == 3

    async def test_a_worker_whose_lease_was_taken_over_records_nothing(self, world: World) -> None:
        """Fencing: the slow one loses, whatever it has done."""
        store = await self.prepared(world)
        slow = await world.claim(COMPANY, *self.OPEN[1])
        quick = await world.claim(COMPANY, *self.OPEN[1])
        assert slow < quick
        lost = await store.append(outcome(ident("slow"), done=self.done(slow)))
        assert lost.status is Status.LOST_LEASE
        won = await store.append(outcome(ident("quick"), done=self.done(quick)))
        assert won.status is Status.APPENDED
        assert [raw.position for raw in await whole_log(store)] == [1, 2, 3]

    async def test_an_effect_that_nobody_called_for_has_no_outcome(self, world: World) -> None:
        store = await self.prepared(world)
        result = await store.append(outcome(ident("outcome"), done=self.done(1, position=9)))
        assert result.status is Status.LOST_LEASE

    async def test_an_outcome_of_another_company_is_none(self, world: World) -> None:
        """T-02."""
        store = await self.prepared(world)
        token = await world.claim(COMPANY, *self.OPEN[1])
        foreign = outcome(ident("outcome"), company_id=OTHER_COMPANY, done=self.done(token))
        assert (await store.append(foreign)).status is Status.LOST_LEASE
        assert self.OPEN[1] in await world.open_effects(COMPANY)

    async def test_an_outcome_that_conflicts_leaves_the_effect_open(self, world: World) -> None:
        """A command that is refused has written nothing."""
        store = await self.prepared(world)
        token = await world.claim(COMPANY, *self.OPEN[1])
        assert (await store.append(append(expected=7, done=self.done(token)))).status is Status.CONFLICT
        replayed = append(expected=2, done=self.done(token), alone=Alone(user_id=USER, idempotency=CLAIM))
        await store.append(append(stream_id=OTHER_USER, alone=Alone(user_id=OTHER_USER, idempotency=CLAIM)))
        assert (await store.append(replayed)).status is Status.REPLAYED
        assert self.OPEN[1] in await world.open_effects(COMPANY)
        assert (await store.append(outcome(ident("outcome"), done=self.done(token)))).status is Status.APPENDED


class TestLogins:
    def claim(self, login: str, user: object = USER, **changed: object) -> Alone:
        assert user in (USER, OTHER_USER)
        return replace(Alone(user_id=USER if user == USER else OTHER_USER, claim_login=login), **changed)  # type: ignore[arg-type]

    async def test_a_login_leads_to_its_account_over_all_companies(self, store: EventStore) -> None:
        password = credential(CredentialKind.PASSWORD, secret=b"argon2id")
        await store.append(append(alone=self.claim("udo"), credentials=(password,)))
        found = await store.login("udo", b"address")
        assert found is not None
        assert (found.user.company_id, found.user.user_id, found.user.version) == (COMPANY, USER, 1)
        assert (found.password, found.address_is_known) == (b"argon2id", False)
        assert await store.login("uta", b"address") is None

    async def test_an_account_without_a_password_is_found(self, store: EventStore) -> None:
        """L-12: it takes the same way as every other."""
        await store.append(append(alone=self.claim("udo")))
        found = await store.login("udo", b"address")
        assert found is not None
        assert found.password is None

    async def test_an_address_is_known_once_a_user_came_from_it(self, store: EventStore) -> None:
        """L-08."""
        await store.append(append(alone=self.claim("udo"), known_address=b"home"))
        await store.append(append(expected=1, known_address=b"home"))
        for address, known in ((b"home", True), (b"elsewhere", False)):
            found = await store.login("udo", address)
            assert found is not None
            assert found.address_is_known is known

    @pytest.mark.parametrize("company", [COMPANY, OTHER_COMPANY])
    async def test_a_login_is_taken_once_over_all_companies(self, store: EventStore, company: object) -> None:
        await store.append(append(alone=self.claim("udo")))
        second = append(
            company_id=company,
            stream_id=OTHER_USER,
            alone=self.claim("udo", OTHER_USER, person_key=b"k", idempotency=CLAIM),
            credentials=(credential(user=OTHER_USER),),
        )
        assert (await store.append(second)).status is Status.LOGIN_TAKEN
        assert await store.user(second.company_id, OTHER_USER) is None
        assert await store.person_keys(second.company_id, [OTHER_USER]) == {}
        assert await store.credentials(second.company_id, OTHER_USER, list(CredentialKind)) == []

    async def test_a_refusal_that_recorded_nothing_keeps_no_claim(self, store: EventStore) -> None:
        """S-09: the same key with a free login works."""
        await store.append(append(alone=self.claim("udo")))
        taken = append(stream_id=OTHER_USER, alone=self.claim("udo", OTHER_USER, idempotency=CLAIM))
        assert (await store.append(taken)).status is Status.LOGIN_TAKEN
        free = append(stream_id=OTHER_USER, alone=self.claim("uta", OTHER_USER, idempotency=CLAIM))
        assert (await store.append(free)).status is Status.APPENDED

    async def test_a_conflict_claims_nothing(self, store: EventStore) -> None:
        await store.append(append())
        assert (await store.append(append(alone=self.claim("udo")))).status is Status.CONFLICT
        assert await store.login("udo", b"") is None


class TestPersons:
    async def test_a_persons_wrapped_key_is_kept_and_comes_with_the_user(self, store: EventStore) -> None:
        await store.append(append(alone=Alone(user_id=USER, person_key=b"wrapped")))
        user = await store.user(COMPANY, USER)
        assert user is not None
        assert user.person_key == b"wrapped"
        assert await store.person_keys(COMPANY, [USER, OTHER_USER]) == {USER: b"wrapped"}
        assert await store.person_keys(OTHER_COMPANY, [USER]) == {}

    async def test_forgetting_leaves_the_log_and_nothing_that_leads_to_the_person(self, store: EventStore) -> None:
        """Erasure: key, login, addresses and kept answers go in the commit of the fact."""
        everything = Alone(user_id=USER, claim_login="udo", person_key=b"wrapped", idempotency=CLAIM)
        await store.append(append(alone=everything, known_address=b"home"))
        own_claim = replace(CLAIM, caller=str(USER))
        await store.append(append(expected=1, alone=Alone(user_id=OTHER_USER, idempotency=own_claim)))
        forgotten = await store.append(append(expected=2, alone=Alone(user_id=USER, forget=True)))
        assert forgotten.status is Status.APPENDED
        assert await store.person_keys(COMPANY, [USER]) == {}
        assert await store.login("udo", b"home") is None
        assert len(await whole_log(store)) == 3

        again = Alone(user_id=OTHER_USER, claim_login="udo", idempotency=CLAIM)
        assert (await store.append(append(stream_id=OTHER_USER, alone=again))).status is Status.APPENDED
        third = Alone(user_id=OTHER_USER, idempotency=own_claim)
        assert (await store.append(append(stream_id=OTHER_USER, expected=1, alone=third))).status is Status.APPENDED
        found = await store.login("udo", b"home")
        assert found is not None
        assert not found.address_is_known

    async def test_forgetting_one_leaves_the_others(self, store: EventStore) -> None:
        """T-02: the same id in another company, and another person here."""
        for company in (COMPANY, OTHER_COMPANY):
            alone = Alone(user_id=USER, person_key=b"wrapped", claim_login=f"udo@{company}")
            await store.append(append(company_id=company, alone=alone))
        other = Alone(user_id=OTHER_USER, person_key=b"other", claim_login="uta")
        await store.append(append(stream_id=OTHER_USER, alone=other))
        await store.append(append(expected=1, alone=Alone(user_id=USER, forget=True)))
        assert await store.person_keys(COMPANY, [USER, OTHER_USER]) == {OTHER_USER: b"other"}
        assert await store.person_keys(OTHER_COMPANY, [USER]) == {USER: b"wrapped"}
        assert await store.login("uta", b"") is not None
        assert await store.login(f"udo@{OTHER_COMPANY}", b"") is not None

    async def test_a_months_key_is_the_first_that_was_offered(self, store: EventStore) -> None:
        assert await store.trace_key(COMPANY, "2026-03") is None
        assert await store.offer_trace_key(COMPANY, "2026-03", b"first") == b"first"
        assert await store.offer_trace_key(COMPANY, "2026-03", b"second") == b"first"
        assert await store.offer_trace_key(COMPANY, "2026-04", b"second") == b"second"
        assert await store.trace_key(OTHER_COMPANY, "2026-03") is None

    async def test_a_marker_takes_the_months_key_and_it_is_never_made_again(self, store: EventStore) -> None:
        for company in (COMPANY, OTHER_COMPANY):
            await store.offer_trace_key(company, "2026-03", b"first")
            await store.offer_trace_key(company, "2026-04", b"other")
        await store.append(append(TracesDestroyed(month="2026-03", destroyed_at=NOON)))
        assert await store.trace_key(COMPANY, "2026-03") is None
        assert await store.offer_trace_key(COMPANY, "2026-03", b"late") is None
        assert await store.trace_key(COMPANY, "2026-03") is None
        assert await store.trace_key(COMPANY, "2026-04") == b"other"
        assert await store.trace_key(OTHER_COMPANY, "2026-03") == b"first"

    async def test_a_marker_that_is_not_appended_takes_nothing(self, store: EventStore) -> None:
        await store.offer_trace_key(COMPANY, "2026-03", b"first")
        marker = append(TracesDestroyed(month="2026-03", destroyed_at=NOON), expected=7)
        assert (await store.append(marker)).status is Status.CONFLICT
        assert await store.trace_key(COMPANY, "2026-03") == b"first"

    async def test_an_installations_key_is_the_first_that_was_offered(self, store: EventStore) -> None:
        assert await store.installation_key("addresses") is None
        assert await store.offer_installation_key("addresses", b"first") == b"first"
        assert await store.offer_installation_key("addresses", b"second") == b"first"
        assert await store.installation_key("addresses") == b"first"


class TestIdempotency:
    async def test_a_key_in_use_records_nothing_a_second_time(self, store: EventStore) -> None:
        """S-09."""
        claim = Alone(user_id=USER, idempotency=CLAIM)
        assert (await store.append(append(alone=claim))).status is Status.APPENDED
        again = append(FACT, expected=1, alone=claim, state=user_doc(UserState(exists=True, login="again")))
        assert (await store.append(again)).status is Status.REPLAYED
        user = await store.user(COMPANY, USER)
        assert user is not None
        assert (user.version, user.state.login) == (1, "")
        assert len(await whole_log(store)) == 1

    async def test_a_key_is_of_one_caller_and_one_company(self, store: EventStore) -> None:
        """T-07, S-09: the same key elsewhere does not interfere."""
        claims = [
            (COMPANY, CLAIM),
            (COMPANY, replace(CLAIM, caller="another")),
            (COMPANY, replace(CLAIM, key="another")),
            (OTHER_COMPANY, CLAIM),
        ]
        for number, (company, claim) in enumerate(claims):
            user = ident(f"user-{number}")
            command = append(company_id=company, stream_id=user, alone=Alone(user_id=user, idempotency=claim))
            assert (await store.append(command)).status is Status.APPENDED

    async def test_a_conflict_keeps_no_claim(self, store: EventStore) -> None:
        await store.append(append())
        claim = Alone(user_id=USER, idempotency=CLAIM)
        assert (await store.append(append(alone=claim))).status is Status.CONFLICT
        assert (await store.append(append(expected=1, alone=claim))).status is Status.APPENDED
