"""Made-up people of made-up companies: names, habits, devices, and what once befalls them. Pure."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from itertools import chain, product
from typing import Final

from events.envelope import Traces
from services.application.seeding.draws import Draw


class Fate(StrEnum):
    """What befalls a person once, beside everyday life."""

    LOSES_PHONE = "loses_phone"
    NEEDS_RECOVERY_CODE = "needs_recovery_code"
    LEAVES = "leaves"
    IS_ERASED = "is_erased"
    RETURNS = "returns"
    BEGINS_LATER = "begins_later"
    CONTRACT_ENDS = "contract_ends"
    FORGETS_PASSWORD = "forgets_password"  # noqa: S105 - no secret
    HAS_NEW_PASSWORD = "has_new_password"  # noqa: S105 - no secret
    IS_ORDERED = "is_ordered"
    LETS_ORDER_LAPSE = "lets_order_lapse"
    ORDER_IS_WITHDRAWN = "order_is_withdrawn"
    AWAITS_ENROLMENT = "awaits_enrolment"
    IS_BESIEGED = "is_besieged"
    IS_LOCKED = "is_locked"
    IS_PROMOTED = "is_promoted"
    IS_DISABLED = "is_disabled"
    IS_SIGNED_OUT = "is_signed_out"
    IS_EXEMPT = "is_exempt"
    IS_TIED_TO_THE_OFFICE = "is_tied_to_the_office"
    NEEDS_BREAK_GLASS = "needs_break_glass"
    BRINGS_A_KEY = "brings_a_key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One person of a company, as drawn."""

    login: str
    email: str | None
    role: str
    language: str
    time_zone: str
    joins_after: timedelta
    places: tuple[Traces, ...]  # from where they come, the usual one first: documentation and private ranges only
    diligence: float  # how likely on a working day
    begins: float  # the usual hour, local
    keen: bool  # switches the factor on unasked
    careful: bool  # never loses, forgets or mistypes anything
    fate: Fate | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A company to be: what its people's names and addresses are drawn from."""

    name: str
    language: str
    domain: str
    strict: bool = False  # comes to demand a factor of everybody
    bare_logins: bool = False  # `anna.schmidt`, not `anna.schmidt@…`
    first: tuple[str, ...] = ()  # what the first ones are called


_ZONES: Final = {"de": "Europe/Berlin", "en": "Europe/London", "pt-BR": "America/Sao_Paulo"}
_COMPANIES: Final = {
    "de": (
        ("Nordlicht", "Hansen", "Elbufer", "Kornblum", "Steinbach", "Lindenhof", "Seidel", "Rheintal", "Falkner"),
        ("Logistik GmbH", "Werkzeugbau KG", "Immobilien AG", "Reisen GmbH", "Steuerberatung", "Energie eG"),
    ),
    "en": (
        ("Harbour", "Kingsley", "Ashdown", "Pennine", "Foxglove", "Thornbury", "Redwood", "Meridian", "Larkfield"),
        ("Freight Ltd", "Partners LLP", "Foods plc", "Insurance Ltd", "Clinics Ltd", "Media Ltd"),
    ),
    "pt-BR": (
        ("Aurora", "Jatoba", "Ipanema", "Serra Azul", "Cedro", "Pampulha", "Girassol", "Mirante", "Tucano"),
        ("Telecom Ltda.", "Turismo Ltda.", "Alimentos S.A.", "Engenharia Ltda.", "Seguros S.A.", "Textil S.A."),
    ),
}
_FIRST: Final = {
    "de": "anna bernd carla dieter eva frank gerda heike ingo jana karl lena mario nadine olaf petra ralf sabine "
    "thomas ulrike volker wiebke yannick zoe hanna moritz greta jonas",
    "en": "alice benjamin charlotte daniel emily frederick grace harry isla jack katherine liam mia noah olivia "
    "peter rose samuel thea victor william amelia george ruby",
    "pt-BR": "adriana bruno camila diego eduarda fabio gabriela heitor isabela joao larissa marcos natalia otavio "
    "patricia rafael sofia tiago vitoria wagner beatriz caio luiza pedro",
}
_LAST: Final = {
    "de": "schmidt mueller schneider fischer weber becker hoffmann koch richter klein wolf schroeder neumann braun "
    "zimmermann hartmann krueger lange werner krause lehmann koehler maier vogel brandt",
    "en": "smith jones taylor brown williams wilson johnson davies patel wright walker white thompson hughes "
    "edwards green lewis wood harris martin jackson clarke turner hill",
    "pt-BR": "silva santos oliveira souza pereira lima carvalho ferreira ribeiro almeida costa gomes martins araujo "
    "melo barbosa alves cardoso rocha dias nascimento moreira nunes teixeira",
}
_USER_AGENTS: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36 "
    "Edg/138.0.0.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 "
    "Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 "
    "Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Mobile "
    "Safari/537.36",
)
_DESKTOPS: Final = 5

EVERY_FATE_FROM: Final = 25  # people: in such a company everything happens to somebody
_FATED: Final = 0.3  # of the others
_ROLL_OUT: Final = 0.6  # who is there from the first days; the others join later


def draw_companies(count: int, draw: Draw) -> list[tuple[str, str]]:
    """(name, language) of each; names that are used up come again with a number."""
    names = [
        (f"{stem} {form}", language)
        for language, (stems, forms) in _COMPANIES.items()
        for stem, form in product(stems, forms)
    ]
    # Shuffled; most of the portal's customers speak German.
    names.sort(key=lambda name: draw.random() * (1 if name[1] == "de" else 2))
    rounds = ((n // len(names), *names[n % len(names)]) for n in range(count))
    return [(f"{name} {again + 1}" if again else name, language) for again, name, language in rounds]


def draft_of(name: str, language: str, tag: str, *, strict: bool = True) -> Draft:
    """`tag` keeps the logins apart from those of every other company."""
    words = re.sub("[^a-z]+", "-", name.lower()).strip("-")
    return Draft(name=name, language=language, domain=f"{words}-{tag}.example", strict=strict)


def draw_members(draft: Draft, size: int, days: float, draw: Draw) -> list[Member]:
    """The company's people. The first is an administrator whom nothing befalls."""
    names = chain(((name, draft.language) for name in draft.first), _names(draft, draw))
    fates = _fates(size, draw)
    office = f"10.{draw.randrange(256)}.{draw.randrange(256)}"
    return [
        _member(next(names), _role(number), fates[number], office, number, days, draft, draw) for number in range(size)
    ]


def _member(
    name: tuple[str, str],
    role: str,
    fate: Fate | None,
    office: str,
    number: int,
    days: float,
    draft: Draft,
    draw: Draw,
) -> Member:
    who, language = name
    address = f"{who}@{draft.domain}"
    return Member(
        login=who if draft.bare_logins else address,
        email=address if number == 0 or draw.random() < 0.97 else None,
        role=role,
        language=language,
        time_zone=_ZONES[language if draw.random() < 0.2 else draft.language],
        joins_after=_joins_after(number, days, draw),
        places=_places(office, number, draw),
        diligence=draw.uniform(0.5, 0.95),
        begins=draw.gauss(8.4, 0.8),
        keen=role != "user" or draw.random() < 0.4,
        careful=number == 0,
        fate=fate,
    )


def _names(draft: Draft, draw: Draw) -> Iterator[tuple[str, str]]:
    """(first.last, language), each once."""
    known: Counter[str] = Counter()
    languages = [draft.language] * 8 + list(_ZONES)
    while True:
        language = draw.choice(languages)
        name = f"{draw.choice(_FIRST[language].split())}.{draw.choice(_LAST[language].split())}"
        known[name] += 1
        yield (name if known[name] == 1 else f"{name}{known[name]}"), language


def _role(number: int) -> str:
    """By the place on the list: one administrator in 25, at first one and then another one soon."""
    if number == 0 or number % 25 == 2:
        return "administrator"
    if number % 50 == 1:
        return "security_officer"
    return "auditor" if number % 100 == 7 else "user"


def _fates(size: int, draw: Draw) -> list[Fate | None]:
    """Nobody's, for the first three: somebody has to be there to help."""
    spared: list[Fate | None] = [None] * min(3, size)
    usual: list[Fate] = [fate for fate in Fate if fate is not Fate.IS_BESIEGED]
    rest: list[Fate | None] = [
        draw.choice(usual) if draw.random() < _FATED else None for _ in range(size - len(spared))
    ]
    if size >= EVERY_FATE_FROM:
        for fate, number in zip(Fate, draw.sample(range(len(rest)), len(Fate)), strict=True):
            rest[number] = fate
    return [*spared, *rest]


def _joins_after(number: int, days: float, draw: Draw) -> timedelta:
    if number == 0:
        return timedelta(minutes=5)
    if number < 3 or draw.random() < _ROLL_OUT:
        return timedelta(days=min(3.0, days / 10)) * draw.random() + timedelta(minutes=30)
    return timedelta(days=days) * draw.uniform(0.1, 0.9)


def _places(office: str, number: int, draw: Draw) -> tuple[Traces, ...]:
    """A desk in the company's network; most people also come from elsewhere."""
    desk = Traces(ip=f"{office}.{number % 250 + 1}", user_agent=_USER_AGENTS[draw.randrange(_DESKTOPS)])
    home = Traces(ip=_home(draw), user_agent=draw.choice(_USER_AGENTS))
    phone = Traces(
        ip=f"100.{draw.randrange(64, 128)}.{draw.randrange(256)}.{draw.randrange(1, 255)}",
        user_agent=_USER_AGENTS[draw.randrange(_DESKTOPS, len(_USER_AGENTS))],
    )
    return draw.choices(((desk,), (desk, home), (desk, home, phone)), (3, 5, 2))[0]


def _home(draw: Draw) -> str:
    """RFC 5737 and RFC 3849: addresses that are nobody's."""
    if draw.random() < 0.3:
        return f"2001:db8:{draw.randrange(1, 65536):x}:{draw.randrange(65536):x}::{draw.randrange(1, 65536):x}"
    return f"{draw.choice(('198.51.100', '192.0.2'))}.{draw.randrange(1, 255)}"


def stranger(draw: Draw) -> Traces:
    """Somebody who tries what is not theirs."""
    return Traces(ip=f"203.0.113.{draw.randrange(1, 255)}", user_agent=draw.choice(_USER_AGENTS[:_DESKTOPS]))
