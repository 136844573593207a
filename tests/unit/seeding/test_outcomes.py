"""What has to follow from a made-up fact is owed at once, due a little later, and never forgotten."""

from datetime import timedelta

from events.company.events import NotificationFailed, NotificationSent, PersonForgotten, SessionsRevoked
from events.user.reactions import reactions
from services.application.seeding.draws import Draw
from services.application.seeding.outcomes import Outcomes
from services.application.seeding.stage import Deed
from tests.support.given import ident
from tests.unit.seeding.test_story import story_of

STORY = story_of("outcomes", users=30, days=30)
CALLING = [one for one in STORY.told() if isinstance(one, Deed) and any(map(reactions, one.events))]


def owed(deed: Deed) -> Outcomes:
    """The outcomes of one deed, whose first fact stands at position 7."""
    outcomes = Outcomes(ident("company"), STORY.people, Draw("outcomes"))
    outcomes.owe(deed, 7, [ident(f"event {n}") for n, _ in enumerate(deed.events)], "request")
    return outcomes


def test_nothing_is_due_at_the_moment_of_the_fact_and_everything_is_in_the_end() -> None:
    for deed in CALLING:
        outcomes = owed(deed)
        assert list(outcomes.due(deed.at)) == []
        appends = list(outcomes.due(None))
        assert len(appends) == sum(len(reactions(event)) for event in deed.events)
        assert [a.decided_at for a in appends] == sorted(a.decided_at for a in appends)
        assert all(deed.at < a.decided_at < deed.at + timedelta(seconds=10) for a in appends)
        assert list(outcomes.due(None)) == []


def test_somebody_without_an_address_was_told_nothing() -> None:
    mails = [
        (deed.after.email is None, append.events[0])
        for deed in CALLING
        for append in owed(deed).due(None)
        if not isinstance(append.events[0], SessionsRevoked | PersonForgotten)
    ]
    assert {without for without, _ in mails} == {True, False}
    for without, fact in mails:
        assert isinstance(fact, NotificationSent | NotificationFailed)
        if isinstance(fact, NotificationFailed):
            assert without or fact.problem == "recipient_gone"
