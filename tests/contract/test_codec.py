"""The stored form of a fact: it is for ever, strict both ways, and tells nothing personal in clear."""

import json
from dataclasses import fields, replace
from datetime import timedelta
from itertools import permutations
from typing import Any, get_args

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st
from pydantic import AwareDatetime

from events.catalogue import EVENTS, Event
from events.codec import (
    MAX_ENTRY_BYTES,
    SealingKeys,
    UndecodableEntry,
    complete,
    compose,
    decode,
    open_actor,
    open_traces,
    personal_part,
)
from events.company.events import PasswordRejected
from events.envelope import Actor, ActorKind, Metadata, Recorded, Traces, month_of
from events.fact import personal_fields
from events.sealing import SealBroken
from events.store.batch import EntryTooLarge, entries
from events.upcasters import STEPS, Entry, upcast
from events.user.events import SignedOut, TwoFactorPaused, UserCreated, UserDeactivated
from tests.contract.stores import append
from tests.support.given import NOON, SESSION, USER, ident, later
from tests.support.samples import (
    ADMINISTRATOR_LOGIN,
    IP,
    KEYS,
    METADATA,
    PERSONAL,
    USER_AGENT,
    Nonces,
    address_of,
    data_key,
    entry,
    event_id,
    facts,
    file_of,
    stored,
)

FACTS = facts()
NAMES = [type(fact).__name__ for fact in FACTS]
STORED = list(stored())
each_fact = pytest.mark.parametrize("event", FACTS, ids=NAMES)
each_stored = pytest.mark.parametrize(
    ("name", "version", "sample"), STORED, ids=[f"{name}.{version}" for name, version, _ in STORED]
)


def parsed(raw: bytes) -> Entry:
    found: Entry = json.loads(raw)
    return found


def rewritten(raw: bytes, **changed: Any) -> bytes:
    """The entry with these members instead."""
    return json.dumps({**parsed(raw), **changed}, separators=(",", ":")).encode()


class TestSamples:
    def test_every_fact_of_the_catalogue_has_a_sample(self) -> None:
        """A new fact, or a new version of one, cannot be forgotten."""
        assert sorted(NAMES) == sorted(EVENTS)
        for fact in FACTS:
            assert file_of(fact).exists(), f"python -m tests.support.samples writes {file_of(fact).name}"

    def test_no_sample_was_left_by_a_fact_that_is_gone(self) -> None:
        """Names are never reused, and what was stored is read for ever."""
        assert {name for name, _, _ in STORED} == set(EVENTS)
        for name, version, _ in STORED:
            assert version <= EVENTS[name].VERSION

    def test_every_version_up_to_todays_has_a_sample(self) -> None:
        found = {(name, version) for name, version, _ in STORED}
        assert found == {(name, v) for name, cls in EVENTS.items() for v in range(1, cls.VERSION + 1)}

    def test_a_sample_shows_every_field(self) -> None:
        """One that is left at None or empty would prove nothing about its form."""
        for fact in FACTS:
            empty = [f.name for f in fields(fact) if getattr(fact, f.name) in (None, (), "", 0)]
            assert empty == [], type(fact).__name__

    @each_stored
    def test_what_was_stored_is_read(self, name: str, version: int, sample: bytes) -> None:
        recorded = decode(name, sample)
        assert isinstance(recorded.data, EVENTS[name])
        assert isinstance(personal_part(recorded, data_key("subject")), EVENTS[name])
        assert parsed(sample)["v"] == version

    @each_fact
    def test_what_is_written_today_is_what_was_stored(self, event: Event) -> None:
        """To the byte: the entry is what is hashed."""
        assert entry(event) == file_of(event).read_bytes().removesuffix(b"\n")

    @each_fact
    def test_nothing_is_lost_on_the_way(self, event: Event) -> None:
        recorded = decode(type(event).__name__, entry(event))
        assert personal_part(recorded, data_key("subject")) == event
        assert open_actor(recorded, data_key("actor")) == {"label": ADMINISTRATOR_LOGIN}
        traces = open_traces(recorded, data_key("month"), data_key("actor"))
        assert traces == {"ip": IP, "user_agent": USER_AGENT}
        assert (recorded.id, recorded.version) == (event_id(event), 7)
        assert (recorded.actor, recorded.request_id) == (METADATA.actor, METADATA.request_id)
        assert recorded.causation_id == METADATA.causation_id

    @each_fact
    def test_nothing_personal_stands_in_clear(self, event: Event) -> None:
        """A-02 and architecture.md 3: neither in the entry nor, unopened, in what is read from it."""
        raw = entry(event)
        assert b"personal" not in raw
        for text in PERSONAL:
            assert text.encode() not in raw
            assert text not in repr(decode(type(event).__name__, raw))
        assert not personal_fields(type(event)) & parsed(raw)["data"].keys()

    @each_fact
    def test_an_entry_is_one_line_of_ascii(self, event: Event) -> None:
        raw = entry(event)
        assert raw.isascii()
        assert b"\n" not in raw
        assert list(parsed(raw)) == [
            "position",
            "at",
            "company_id",
            "stream_id",
            "stream_kind",
            "version",
            "id",
            "type",
            "v",
            "actor",
            "request_id",
            "causation_id",
            "data",
            "sealed",
        ]


texts = st.text(max_size=300)
maybe = st.none() | texts
moments = st.integers(-(10**15), 10**15).map(lambda micros: NOON + timedelta(microseconds=micros))


def strategy(cls: type[Event]) -> st.SearchStrategy[Event]:
    """Every fact of a type, with any text where a person's could stand."""
    return st.builds(cls, **dict.fromkeys(personal_fields(cls), maybe))


@pytest.fixture(autouse=True, scope="module")
def _moments() -> None:
    st.register_type_strategy(AwareDatetime, moments)


@settings(max_examples=25, deadline=None)
@for_all(st.data())
@pytest.mark.parametrize("cls", EVENTS.values(), ids=list(EVENTS))
def test_every_fact_comes_back_as_it_went(cls: type[Event], data: st.DataObject) -> None:
    """Law: decode ∘ compose is the identity, whatever the people typed."""
    event = data.draw(strategy(cls))
    actor = data.draw(st.none() | st.uuids())
    metadata = Metadata(
        actor=Actor(kind=data.draw(st.sampled_from(ActorKind)), id=actor),
        request_id=data.draw(texts),
        actor_label=data.draw(maybe) if actor else None,
        traces=Traces(ip=data.draw(maybe), user_agent=data.draw(maybe)),
    )
    keys = KEYS if actor else replace(KEYS, actor=None)
    body = compose(event, address_of(event), ident("id"), metadata, keys, "2026-03", Nonces("law"))
    recorded = decode(cls.__name__, complete(body, 1, "2026-03-02T12:00:00.000000Z"))
    assert personal_part(recorded, keys.subject) == event
    assert (recorded.actor, recorded.request_id) == (metadata.actor, metadata.request_id)
    assert open_actor(recorded, keys.actor).get("label") == metadata.actor_label
    traces = {"ip": metadata.traces.ip, "user_agent": metadata.traces.user_agent}
    opened = open_traces(recorded, keys.month, keys.actor or keys.subject)
    assert opened == {k: v for k, v in traces.items() if v is not None}


class TestStrict:
    RAW = entry(TwoFactorPaused(failures=5, until=NOON))

    def refused(self, raw: bytes, name: str = "TwoFactorPaused") -> None:
        with pytest.raises(UndecodableEntry):
            decode(name, raw)

    def test_the_base_case_decodes(self) -> None:
        assert decode("TwoFactorPaused", rewritten(self.RAW)).data == TwoFactorPaused(failures=5, until=NOON)

    @pytest.mark.parametrize(
        "data",
        [
            {"failures": 5, "until": "2026-03-02T12:00:00"},
            {"failures": 5, "until": "2026-03-02"},
            {"failures": 5, "until": 1772452800},
            {"failures": 5, "until": None},
            {"failures": "5", "until": "2026-03-02T12:00:00Z"},
            {"failures": 5.0, "until": "2026-03-02T12:00:00Z"},
            {"failures": True, "until": "2026-03-02T12:00:00Z"},
            {"failures": 5},
            {"failures": 5, "until": "2026-03-02T12:00:00Z", "reason": "unknown here"},
            {},
            None,
            [],
        ],
    )
    def test_data_of_another_shape_is_refused(self, data: object) -> None:
        """A naive time, a coerced number, an unknown or a missing field: corruption, not something to guess."""
        self.refused(rewritten(self.RAW, data=data))

    @pytest.mark.parametrize(
        "changed",
        [
            {"at": "2026-03-02T12:00:00"},
            {"position": "42"},
            {"version": 7.5},
            {"company_id": "acme"},
            {"stream_kind": "users"},
            {"actor": {"kind": "robot", "id": None, "company_id": None}},
            {"actor": {"kind": "user", "id": None, "company_id": None, "name": "Anna"}},
            {"sealed": {"subject": {"box": "AAAA"}}},
            {"sealed": {"fourth": None}},
            {"comment": "unknown"},
            {"data": {"failures": 5, "until": "2026-03-02T12:00:00Z"}, "v": 2},
            {"v": 0},
            {"v": "1"},
            {"type": "TwoFactorLocked"},
        ],
    )
    def test_an_envelope_of_another_shape_is_refused(self, changed: dict[str, object]) -> None:
        self.refused(rewritten(self.RAW, **changed))

    @pytest.mark.parametrize("raw", [b"", b"{}", b"null", b"[]", b"\x00", b"not json", b'{"v":1,"type":"Paused"'])
    def test_what_is_no_entry_at_all_is_refused(self, raw: bytes) -> None:
        self.refused(raw)

    def test_a_truncated_entry_is_refused_wherever_it_ends(self) -> None:
        for end in range(0, len(self.RAW), 7):
            self.refused(self.RAW[:end])

    def test_an_unknown_type_is_refused(self) -> None:
        self.refused(self.RAW, "TwoFactorForgotten")

    def test_a_naive_time_is_not_even_written(self) -> None:
        """It could never be read again."""
        naive = TwoFactorPaused(failures=5, until=NOON.replace(tzinfo=None))
        with pytest.raises(ValueError, match="naive"):
            entry(naive)

    def test_a_personal_field_is_not_written_without_a_key(self) -> None:
        event = UserDeactivated(reason="personal")
        with pytest.raises(ValueError, match="without a subject's data key"):
            compose(event, address_of(event), ident("id"), METADATA, SealingKeys(), "2026-03", Nonces("x"))

    @pytest.mark.parametrize(("room", "fits"), [(0, True), (1, False)])
    def test_an_entry_has_at_most_65535_bytes(self, room: int, fits: bool) -> None:
        """Whatever position and time it will get."""
        plain = append(SignedOut(session_id=SESSION))
        (body,) = entries(plain, lambda: ident("id"), Nonces("x"))
        prefix = len(complete(b"", 2**63 - 1, "2026-03-02T12:00:00.000000Z"))
        assert prefix <= 80
        metadata = replace(plain.metadata, request_id="x" * (MAX_ENTRY_BYTES - 80 - len(body) + len("request") + room))
        grown = replace(plain, metadata=metadata)
        if not fits:
            with pytest.raises(EntryTooLarge):
                entries(grown, lambda: ident("id"), Nonces("x"))
            return
        (body,) = entries(grown, lambda: ident("id"), Nonces("x"))
        assert len(complete(body, 2**63 - 1, "2026-03-02T12:00:00.000000Z")) <= MAX_ENTRY_BYTES


class TestBoxes:
    """Sealed for one place of one log: nowhere else, and with nothing else, do they open."""

    EVENT = UserCreated(
        role="user", language="de", time_zone="UTC", created_at=NOON, has_password=True, login="personal.udo"
    )
    RAW = entry(EVENT)

    def moved(self, **changed: Any) -> Recorded[Event]:
        return decode("UserCreated", rewritten(self.RAW, **changed))

    def sealed(self, **boxes: Any) -> Recorded[Event]:
        return self.moved(sealed={**parsed(self.RAW)["sealed"], **boxes})

    def open(self, name: str, recorded: Recorded[Event]) -> object:
        if name == "subject":
            return personal_part(recorded, KEYS.subject)
        return open_actor(recorded, KEYS.actor) if name == "actor" else open_traces(recorded, KEYS.month, KEYS.actor)

    def none_opens(self, recorded: Recorded[Event]) -> None:
        for name in ("subject", "actor", "traces"):
            with pytest.raises(SealBroken):
                self.open(name, recorded)

    @pytest.mark.parametrize(
        "changed",
        [
            {"company_id": str(ident("other-company"))},
            {"stream_id": str(ident("other-user"))},
            {"version": 8},
        ],
    )
    def test_a_box_that_was_moved_does_not_open(self, changed: dict[str, object]) -> None:
        """C-02: to another company, stream or version."""
        self.none_opens(self.moved(**changed))

    @pytest.mark.parametrize(("source", "target"), list(permutations(["subject", "actor", "traces"], 2)))
    def test_a_box_does_not_open_under_another_name(self, source: str, target: str) -> None:
        boxes = parsed(self.RAW)["sealed"]
        recorded = self.sealed(**{target: {**boxes[target], "box": boxes[source]["box"]}})
        with pytest.raises(SealBroken):
            self.open(target, recorded)

    def test_even_under_one_key_the_names_keep_boxes_apart(self) -> None:
        one = SealingKeys(subject=data_key("one"), subject_id=USER, actor=data_key("one"), month=data_key("month"))
        body = compose(self.EVENT, address_of(self.EVENT), ident("id"), METADATA, one, "2026-03", Nonces("x"))
        found = parsed(complete(body, 1, "2026-03-02T12:00:00.000000Z"))
        found["sealed"]["actor"] = found["sealed"]["subject"]
        with pytest.raises(SealBroken):
            open_actor(decode("UserCreated", json.dumps(found, separators=(",", ":")).encode()), data_key("one"))

    def test_another_key_does_not_open_a_box(self) -> None:
        recorded = decode("UserCreated", self.RAW)
        with pytest.raises(SealBroken):
            personal_part(recorded, data_key("wrong"))
        with pytest.raises(SealBroken):
            open_actor(recorded, data_key("wrong"))
        for month, person in (("wrong", "actor"), ("month", "wrong")):
            with pytest.raises(SealBroken):
                open_traces(recorded, data_key(month), data_key(person))

    @pytest.mark.parametrize("name", ["subject", "actor", "traces"])
    def test_a_commitment_that_promises_something_else_is_found(self, name: str) -> None:
        """AES-GCM alone does not bind one plaintext; the commitment does."""
        boxes = parsed(self.RAW)["sealed"]
        other = parsed(entry(replace(self.EVENT, login="personal.uta")))["sealed"]["subject"]["commitment"]
        recorded = self.sealed(**{name: {**boxes[name], "commitment": other}})
        with pytest.raises(SealBroken):
            self.open(name, recorded)

    @pytest.mark.parametrize("part", ["box", "commitment"])
    @pytest.mark.parametrize("text", ["", "A", "AAAA", "!!!!", "ä", "A" * 400])
    def test_a_box_of_garbage_is_broken_and_nothing_worse(self, part: str, text: str) -> None:
        boxes = parsed(self.RAW)["sealed"]
        recorded = self.sealed(subject={**boxes["subject"], part: text})
        with pytest.raises(SealBroken):
            personal_part(recorded, KEYS.subject)

    def test_no_flipped_bit_goes_unnoticed(self) -> None:
        boxes = parsed(self.RAW)["sealed"]
        box = boxes["subject"]["box"]
        for at in range(0, len(box) - 4, 3):
            changed = box[:at] + ("B" if box[at] == "A" else "A") + box[at + 1 :]
            with pytest.raises(SealBroken):
                personal_part(self.sealed(subject={**boxes["subject"], "box": changed}), KEYS.subject)

    def test_without_its_key_a_box_decodes_to_nothing(self) -> None:
        """Erasure and retention: the entry still decodes, the log still verifies."""
        recorded = decode("UserCreated", self.RAW)
        assert personal_part(recorded, None) == replace(self.EVENT, login=None)
        assert open_actor(recorded, None) == {}
        assert open_traces(recorded, None, KEYS.actor) == {}
        assert open_traces(recorded, KEYS.month, None) == {}

    def test_traces_need_both_the_month_and_the_person(self) -> None:
        """Either of them destroyed, and the address is gone."""
        recorded = decode("UserCreated", self.RAW)
        assert open_traces(recorded, KEYS.month, KEYS.actor)["ip"] == IP

    def test_without_an_actor_the_traces_are_those_of_the_user_acted_on(self) -> None:
        keys = replace(KEYS, actor=None)
        anonymous = replace(METADATA, actor=Actor(kind=ActorKind.ANONYMOUS), actor_label=None)
        body = compose(self.EVENT, address_of(self.EVENT), ident("id"), anonymous, keys, "2026-03", Nonces("x"))
        recorded = decode("UserCreated", complete(body, 1, "2026-03-02T12:00:00.000000Z"))
        assert recorded.sealed.actor is None
        assert recorded.sealed.traces is not None
        assert recorded.sealed.traces.person == USER
        assert open_traces(recorded, KEYS.month, KEYS.subject)["ip"] == IP

    def test_traces_of_nobody_depend_on_the_month_alone(self) -> None:
        event = PasswordRejected(user_id=USER, rejected_at=NOON)
        keys = SealingKeys(month=KEYS.month)
        anonymous = replace(METADATA, actor=Actor(kind=ActorKind.ANONYMOUS), actor_label=None)
        body = compose(event, address_of(event), ident("id"), anonymous, keys, "2026-03", Nonces("x"))
        recorded = decode("PasswordRejected", complete(body, 1, "2026-03-02T12:00:00.000000Z"))
        assert open_traces(recorded, KEYS.month, None)["ip"] == IP

    def test_equal_texts_give_different_boxes(self) -> None:
        """C-07: a fresh nonce each, and a commitment of the place."""
        versions = {
            compose(self.EVENT, address_of(self.EVENT, v), ident("id"), METADATA, KEYS, "2026-03", Nonces(str(v)))
            for v in range(20)
        }
        sealed = [json.loads(complete(body, 1, "x"))["sealed"]["subject"] for body in versions]
        assert len({one["box"] for one in sealed}) == 20
        assert len({one["commitment"] for one in sealed}) == 20

    def test_a_trace_names_its_month(self) -> None:
        assert parsed(self.RAW)["sealed"]["traces"]["month"] == month_of(NOON) == "2026-03"
        assert month_of(later(days=30)) == "2026-04"


class TestUpcasting:
    """An old shape is read through pure steps; rows are never rewritten."""

    OLD = rewritten(entry(TwoFactorPaused(failures=5, until=NOON)), v=-1, data={"count": 5, "seconds": 60})

    @staticmethod
    def renamed(old: Entry) -> Entry:
        data = old["data"]
        return {**old, "data": {"failures": data["count"], "seconds": data["seconds"]}}

    @staticmethod
    def dated(old: Entry) -> Entry:
        data = old["data"]
        return {**old, "data": {"failures": data["failures"], "until": "2026-03-02T12:00:00Z"}}

    def test_steps_lead_from_the_oldest_shape_to_todays(self, monkeypatch: pytest.MonkeyPatch) -> None:
        steps: Any = STEPS
        monkeypatch.setitem(steps, ("TwoFactorPaused", -1), self.renamed)
        monkeypatch.setitem(steps, ("TwoFactorPaused", 0), self.dated)
        recorded = decode("TwoFactorPaused", self.OLD)
        assert recorded.data == TwoFactorPaused(failures=5, until=NOON)
        assert recorded.v == 1

    def test_a_missing_step_is_an_error_and_no_guess(self, monkeypatch: pytest.MonkeyPatch) -> None:
        steps: Any = STEPS
        monkeypatch.setitem(steps, ("TwoFactorPaused", -1), self.renamed)
        with pytest.raises(UndecodableEntry):
            decode("TwoFactorPaused", self.OLD)

    def test_a_step_does_not_touch_what_it_was_given(self) -> None:
        old = parsed(self.OLD)
        upcast(old, {("TwoFactorPaused", -1): self.renamed})
        assert old == parsed(self.OLD)

    def test_the_newest_shape_passes_untouched(self) -> None:
        newest = parsed(entry(TwoFactorPaused(failures=5, until=NOON)))
        assert upcast(newest, {("TwoFactorPaused", 0): self.dated}) == newest

    def test_every_step_of_today_leads_somewhere(self) -> None:
        for (name, version), _ in STEPS.items():
            assert version < EVENTS[name].VERSION


def test_the_catalogue_is_the_union_of_every_event() -> None:
    assert set(EVENTS.values()) == set(get_args(Event))
    assert len(EVENTS) == len(get_args(Event))
