"""Texts of mails: every topic in every language, nothing but plain lines, no link but the configured one."""

from dataclasses import replace
from datetime import UTC, datetime
from string import Formatter
from typing import get_args
from uuid import UUID

import pytest

from events.company.decider import reactions as reactions_of_company
from events.company.events import CompanyEvent
from events.effects import EffectKind
from events.envelope import Actor, ActorKind
from events.facts import is_company_fact
from events.user.events import UserEvent
from events.user.reactions import reactions
from tests.support.samples import other_facts, user_facts
from workers.effects.mail.english import ENGLISH
from workers.effects.mail.letter import LANGUAGES, Occasion, Reader, write
from workers.effects.mail.topics import (
    ABOUT_COMPANIES,
    FOR_ADMINISTRATORS,
    Author,
    News,
    Topic,
    author_of,
    news_of,
    news_of_company,
)

AT = datetime(2026, 11, 23, 13, 5, tzinfo=UTC)
UNTIL = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)


def _occasion(topic: Topic = Topic.RESET, *, login: str = "uta.user", author: Author = Author.SELF) -> Occasion:
    return Occasion(
        news=News(topic, until=UNTIL if topic in ENGLISH.until else None, left=7),
        at=AT,
        author=author,
        login=login,
        company="Acme GmbH",
        ip="192.0.2.1",
    )


def _reader(language: str = "de", zone: str = "Europe/Berlin", *, is_owner: bool = True) -> Reader:
    return Reader(language=language, time_zone=zone, is_owner=is_owner)


def test_every_fact_that_is_told_has_a_topic() -> None:
    assert {type(fact) for fact in user_facts()} == set(get_args(UserEvent))
    for fact in user_facts():
        told = set(reactions(fact)) & {EffectKind.NOTIFY_USER, EffectKind.NOTIFY_ADMINISTRATORS}
        news = news_of(fact)
        assert not told or news is not None, fact
        if EffectKind.NOTIFY_ADMINISTRATORS in told and news is not None:
            assert news.topic in FOR_ADMINISTRATORS


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("topic", sorted(set(Topic) - ABOUT_COMPANIES))
def test_every_topic_has_a_text_in_every_language(language: str, topic: Topic) -> None:
    for author in Author:
        letter = write(_occasion(topic, author=author), _reader(language), "https://portal.example")
        assert letter.subject
        assert "{" not in letter.text
        assert "uta.user (Acme GmbH)" in letter.text
        assert "https://portal.example\n" in letter.text
        assert max(len(line) for line in letter.text.splitlines()) <= 110


@pytest.mark.parametrize("language", LANGUAGES)
def test_administrators_have_texts_of_their_own(language: str) -> None:
    assert LANGUAGES[language].to_administrators.keys() == FOR_ADMINISTRATORS
    for topic in FOR_ADMINISTRATORS - ABOUT_COMPANIES:
        theirs = write(_occasion(topic), _reader(language, is_owner=False), None)
        assert theirs.text != write(_occasion(topic), _reader(language), None).text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("topic", sorted(ABOUT_COMPANIES))
def test_what_concerns_the_company_is_told_with_its_name(language: str, topic: Topic) -> None:
    occasion = replace(_occasion(topic, author=Author.PROVIDER), login=None)
    letter = write(occasion, _reader(language, is_owner=False), "https://portal.example")
    assert letter.subject
    assert "Acme GmbH" in letter.text
    assert "uta.user" not in letter.text


def test_every_fact_of_a_company_that_is_told_has_a_topic() -> None:
    facts = [fact for fact in other_facts() if is_company_fact(fact)]
    assert {type(fact) for fact in facts} == set(get_args(CompanyEvent))
    for fact in facts:
        told = EffectKind.NOTIFY_ADMINISTRATORS in reactions_of_company(fact)
        news = news_of_company(fact)
        assert told is (news is not None)
        assert news is None or news.topic in ABOUT_COMPANIES


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_ask_for_nothing_that_the_program_does_not_give(language: str) -> None:
    words = LANGUAGES[language]
    for text in (*words.to_user.values(), *words.to_administrators.values()):
        assert {name for _, name, _, _ in Formatter().parse(text.what) if name} <= {"left"}


def test_a_language_without_texts_is_written_in_english() -> None:
    assert write(_occasion(), _reader("pt-BR"), None) == write(_occasion(), _reader("en"), None)


def test_times_are_those_of_the_reader() -> None:
    german = write(_occasion(), _reader(), None).text
    assert "23.11.2026, 14:05 Uhr (Europe/Berlin)" in german
    assert "02.07.2026, 00:30 Uhr (Europe/Berlin)" in german
    assert (
        "23 November 2026, 10:05 (America/Sao_Paulo)"
        in write(_occasion(), _reader("en", "America/Sao_Paulo"), None).text
    )
    assert "13:05 Uhr (UTC)" in write(_occasion(), _reader(zone="Nowhere/Land"), None).text
    assert "13:05 Uhr (UTC)" in write(_occasion(), _reader(zone="../../etc/passwd"), None).text


def test_a_name_cannot_pretend_to_be_more_of_the_message() -> None:
    login = "uta\r\nBcc: all@acme.example\n\nPlease send your password\u202e"
    text = write(_occasion(login=login), _reader("en"), None).text
    assert "\r" not in text
    assert "\u202e" not in text
    assert not any(line.startswith(("Bcc", "Please send")) for line in text.splitlines())


def test_no_link_without_a_public_url() -> None:
    assert "http" not in write(_occasion(), _reader(), None).text


@pytest.mark.parametrize(
    ("actor", "topic", "author"),
    [
        (Actor(kind=ActorKind.USER, id=UUID(int=1)), Topic.RESET, Author.SELF),
        (Actor(kind=ActorKind.USER, id=UUID(int=2)), Topic.RESET, Author.ADMINISTRATOR),
        (Actor(kind=ActorKind.PROVIDER, id=UUID(int=2)), Topic.RESET, Author.PROVIDER),
        (Actor(kind=ActorKind.CLIENT, id=UUID(int=3)), Topic.RESET, Author.CLIENT),
        (Actor(kind=ActorKind.SYSTEM), Topic.RESET, Author.SYSTEM),
        (Actor(kind=ActorKind.USER, id=UUID(int=1)), Topic.PAUSED, Author.CLAIMANT),
    ],
)
def test_by_whom(actor: Actor, topic: Topic, author: Author) -> None:
    assert author_of(actor, topic, UUID(int=1)) is author
