"""The rules of an API client's stream."""

from datetime import datetime
from typing import Final

from events.company.clients import (
    ApiClientCreated,
    ApiClientRevoked,
    ApiClientRotated,
    ClientState,
    CreateClient,
    RecordClientDenial,
    RevokeClient,
    RotateClient,
    decide,
    ends_token,
    fold,
    gives_token,
)
from events.company.roles import Level, Right
from events.company.scopes import RIGHT_OF, Scope, rights_of_scopes
from events.decision import Refusal
from events.user.events import AccessDenied
from tests.support.given import NOON, later


def created(expires_at: datetime | None = None) -> ApiClientCreated:
    return ApiClientCreated(name="portal", scopes=("users.read",), expires_at=expires_at, created_at=NOON)


LIVE: Final = fold([created()])
REVOKED: Final = fold([created(), ApiClientRevoked(revoked_at=NOON)])


def test_a_client_is_made_once() -> None:
    wish = CreateClient(now=NOON, name="portal", scopes=("users.read",))
    assert decide(ClientState(), wish).events == (created(),)
    assert decide(LIVE, wish).refusal is Refusal.ALREADY_EXISTS


def test_a_rotation_ends_the_old_token_and_gives_a_new_one() -> None:
    (fact,) = decide(LIVE, RotateClient(now=NOON)).events
    assert fact == ApiClientRotated(rotated_at=NOON)
    assert ends_token([fact])
    assert gives_token(fact)
    assert fold([fact], LIVE) == LIVE


def test_an_expired_client_is_not_rotated_into_a_token_that_is_dead_at_once() -> None:
    state = fold([created(later(days=1))])
    assert decide(state, RotateClient(now=later(days=1))).refusal is Refusal.CLIENT_EXPIRED
    assert decide(state, RotateClient(now=later(hours=23))).refusal is None


def test_what_is_revoked_is_gone() -> None:
    for wish in (RotateClient(now=NOON), RevokeClient(now=NOON), RecordClientDenial(now=NOON, act="users.read")):
        for state in (REVOKED, ClientState()):
            assert decide(state, wish).refusal is Refusal.NOT_FOUND
    assert ends_token([ApiClientRevoked(revoked_at=NOON)])


def test_a_denial_is_on_record_and_changes_nothing() -> None:
    (fact,) = decide(LIVE, RecordClientDenial(now=NOON, act="erase_user")).events
    assert fact == AccessDenied(act="erase_user", denied_at=NOON)
    assert fold([fact], LIVE) == LIVE
    assert not ends_token([fact])


def test_every_scope_amounts_to_a_right_and_no_client_has_more() -> None:
    assert set(RIGHT_OF) == set(Scope)
    for scope in Scope:
        rights = dict(rights_of_scopes([scope]))
        right, level = RIGHT_OF[scope]
        assert rights.pop(Right.OWN_SECURITY) is Level.FULL
        assert rights.pop(right) is level
        assert set(rights.values()) == {Level.NONE}


def test_a_scope_of_another_program_version_is_no_right() -> None:
    assert ClientState(exists=True, scopes=("coffee.make",)).rights() == rights_of_scopes([])
