"""decide answers everything, its facts fold, and nothing of it depends on anything but its two arguments."""

from datetime import timedelta
from typing import Final, get_args, get_type_hints
from uuid import UUID

from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from events.company.policy import EVERYBODY, CompanyRules, DemandSince, Policy
from events.company.roles import BUILT_IN, covers
from events.company.state import CompanyState
from events.credentials import Endings
from events.decision import Decision
from events.effects import EffectKind
from events.policy import EffectiveFactor, effective
from events.store.states import user_doc, user_state
from events.totp import code_at, match_time_step, time_step
from events.user.commands import BreakGlassProof, OtpProof, RecoveryProof, UserCommand
from events.user.decider import decide
from events.user.endings import endings
from events.user.events import UserEvent
from events.user.evolve import evolve, fold
from events.user.limits import Limits
from events.user.reactions import reactions
from events.user.state import UserState, account_state
from tests.support.given import NOON, USER, idents
from tests.support.samples import user_facts

# Few ids and few moments, so that wishes meet what earlier ones left.
ids: Final = st.sampled_from(idents("pool", 6))
moments: Final = st.integers(-5, 300_000).map(lambda seconds: NOON + timedelta(seconds=seconds))
spans: Final = st.sampled_from([timedelta(0), timedelta(seconds=1), timedelta(hours=1), timedelta(days=4000)])
steps: Final = st.none() | st.integers(-(2**63), 2**63) | st.integers(0, 5).map(lambda n: time_step(NOON) + n)
proofs: Final = (
    st.builds(OtpProof, st.none() | ids, steps, st.booleans())
    | st.builds(RecoveryProof, st.none() | ids)
    | st.builds(BreakGlassProof, ids)
)
NETWORKS: Final = ("192.0.2.0/24", "2001:db8::/32")
policies: Final = st.builds(
    Policy,
    requirement=st.sampled_from(["optional", "required", "required_for_roles", "required_outside_trusted_networks"]),
    roles=st.lists(st.sampled_from(["user", "auditor"])).map(tuple),
    from_at=st.none() | moments,
    networks=st.lists(st.sampled_from(NETWORKS)).map(tuple),
    grace_days=st.integers(0, 30),
    order_hours=st.integers(0, 10_000),
    password_max_age_days=st.none() | st.integers(0, 10_000),
)
demands: Final = st.builds(DemandSince, whom=st.sampled_from([EVERYBODY, "role:user", "role:auditor"]), at=moments)
rules: Final = st.builds(
    CompanyRules, policy=policies, since=st.lists(demands, max_size=3).map(tuple), suspended=st.booleans()
)
counts: Final = st.integers(0, 3)
limits: Final = st.builds(
    Limits,
    sign_in=spans,
    sign_in_tries=counts,
    sign_ins=counts,
    pending=spans,
    pending_tries=counts,
    session=spans,
    sessions=counts,
    step_up=spans,
    session_wrong_passwords=counts,
)
PLAIN: Final[dict[object, st.SearchStrategy[object]]] = {UUID: ids}


def wish_of(cls: type[UserCommand]) -> st.SearchStrategy[UserCommand]:
    """Any wish of a kind, sensible or not."""
    hints = get_type_hints(cls)
    drawn: dict[str, st.SearchStrategy[object]] = {
        "now": moments,
        "limits": limits,
        "rules": rules,
        "networks": st.lists(st.sampled_from(NETWORKS), unique=True).map(tuple),
        "address": st.sampled_from([None, "192.0.2.7", "2001:db8::1", "198.51.100.1", "not an address"]),
        "until": st.none() | moments,
    }
    drawn = {name: values for name, values in drawn.items() if name in hints}
    for name, hint in hints.items():
        if name in drawn:
            continue
        if hint is UUID:
            drawn[name] = ids
        elif hint == tuple[UUID, ...]:
            drawn[name] = st.lists(ids, max_size=4).map(tuple)
        elif name == "proof":
            drawn[name] = proof_of(hint)
        elif name.endswith("_at"):
            drawn[name] = st.none() | moments
        elif name == "time_step":
            drawn[name] = steps if type(None) in get_args(hint) else st.integers(0, 2**63)
    return st.builds(cls, **drawn)


def proof_of(hint: object) -> st.SearchStrategy[object]:
    otp_only = proofs.filter(lambda proof: isinstance(proof, OtpProof))
    if hint is OtpProof:
        return otp_only
    if BreakGlassProof not in get_args(hint) and RecoveryProof in get_args(hint):
        return proofs.filter(lambda proof: not isinstance(proof, BreakGlassProof))
    return st.none() | otp_only if type(None) in get_args(hint) and RecoveryProof not in get_args(hint) else proofs


wishes: Final = st.one_of(*(wish_of(cls) for cls in get_args(UserCommand)))
lives: Final = st.lists(wishes, max_size=40)


def lived(life: list[UserCommand]) -> tuple[UserState, list[UserEvent]]:
    """The state that these wishes lead to, from a user who exists."""
    state, facts = UserState(exists=True), list[UserEvent]()
    for wish in life:
        decision = decide(state, wish)
        state = fold(decision.events, state)
        facts += decision.events
    return state, facts


@settings(max_examples=300, deadline=None)
@for_all(lives, wishes)
def test_every_wish_has_an_answer_in_every_state(life: list[UserCommand], wish: UserCommand) -> None:
    """Total: none of them an exception; and whoever never existed is answered too."""
    for state in (lived(life)[0], UserState()):
        decision = decide(state, wish)
        assert isinstance(decision, Decision)
        after = fold(decision.events, state)
        assert isinstance(endings(USER, decision.events, state, after), Endings)
        assert {kind for event in decision.events for kind in reactions(event)} <= set(EffectKind)
        assert isinstance(effective(after, wish.rules, wish.now), EffectiveFactor)
        assert account_state(after, wish.now) in ("active", "not_yet_active", "expired", "deactivated")


@settings(max_examples=100, deadline=None)
@for_all(lives, wishes)
def test_a_decision_depends_on_state_and_wish_alone(life: list[UserCommand], wish: UserCommand) -> None:
    """Pure: asked twice, the same; and nothing of the state was changed by asking."""
    state, facts = lived(life)
    assert decide(state, wish) == decide(state, wish)
    assert state == fold(facts, UserState(exists=True))


@settings(max_examples=100, deadline=None)
@for_all(lives)
def test_folding_all_at_once_or_one_by_one_is_the_same(life: list[UserCommand]) -> None:
    """A-11."""
    state, facts = lived(life)
    half = len(facts) // 2
    begun = UserState(exists=True)
    assert fold(facts[half:], fold(facts[:half], begun)) == state
    one_by_one = begun
    for fact in facts:
        one_by_one = evolve(one_by_one, fact)
    assert one_by_one == state


@settings(max_examples=100, deadline=None)
@for_all(lives)
def test_a_stored_state_comes_back_as_it_went(life: list[UserCommand]) -> None:
    """What a decision relies on is the same before and after the database."""
    state, _ = lived(life)
    assert user_state(user_doc(state).doc) == state


@settings(max_examples=200, deadline=None)
@for_all(st.lists(st.sampled_from(get_args(UserEvent)), max_size=1), st.data())
def test_every_fact_folds_onto_every_state(kinds: list[type[UserEvent]], data: st.DataObject) -> None:
    """Total: also a fact that no decision would make of that state, for a log may hold it."""
    state, _ = lived(data.draw(lives))
    for kind in kinds:
        fact = next(fact for fact in user_facts() if isinstance(fact, kind))
        assert isinstance(evolve(state, fact), UserState)


@settings(max_examples=200, deadline=None)
@for_all(st.binary(min_size=20, max_size=20), st.integers(-50_000_000, 2_000_000_000), st.integers(-3, 3))
def test_a_code_matches_its_own_step_within_the_window(key: bytes, step: int, drift: int) -> None:
    """O-04: and what matches outside is a chance of one in a million, of another step."""
    at = NOON + timedelta(seconds=step * 30)
    here = time_step(at)
    found = match_time_step(key, code_at(key, here + drift), at)
    if abs(drift) <= 1:
        assert found is not None
    if found is not None:
        assert abs(found - here) <= 1
        assert code_at(key, found) == code_at(key, here + drift)


@for_all(*[st.sampled_from(sorted(BUILT_IN))] * 3)
def test_rank_is_an_order(one: str, two: str, three: str) -> None:
    """S-05: everybody covers the own rank, and no chain of acts leads upwards."""
    a, b, c = BUILT_IN[one], BUILT_IN[two], BUILT_IN[three]
    assert covers(a, a)
    assert covers(a, c) or not (covers(a, b) and covers(b, c))
    assert a == b or not (covers(a, b) and covers(b, a))


def test_a_companys_state_begins_empty() -> None:
    assert CompanyState() == CompanyState(exists=False, name="", provider=False, policy=Policy())
