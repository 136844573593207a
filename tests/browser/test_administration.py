"""The client's journeys for others, in German, by the screens of both; each with and without JavaScript."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.browser.reader import Reader
from tests.support.browser import Open
from tests.support.service import Service
from workers.projector import Projector

pytestmark = pytest.mark.xdist_group("browser")


@dataclass
class Two:
    """An administrator and somebody of the same company, each in front of a screen."""

    anna: Reader
    udo: Reader

    async def open_user(self) -> None:
        """Portal users › the user › Security, from the start page on."""
        await self.anna.page.locator(".unfolded").get_by_role("link", name="Portalbenutzer").click()
        await self.anna.follow(self.udo.person.login)
        await self.anna.sees("Zwei-Faktor-Authentifizierung (2FA)")

    async def give_reason(self, button: str, reason: str) -> None:
        await self.anna.page.get_by_label("Grund").fill(reason)
        await self.anna.press(button)

    async def prove(self) -> None:
        """Too long ago for an act on somebody else: once more a code; what was typed is not lost."""
        await self.anna.sees("Sind Sie es?")
        await self.anna.give_code("Weiter")

    async def enrol_at_sign_in(self) -> None:
        old = self.udo.person.key
        await self.udo.give_password()
        await self.udo.scan()
        assert self.udo.person.key != old
        await self.udo.give_code("Aktivieren")
        await self.udo.keep_recovery_codes()
        await self.udo.sees("Guten Tag")


@pytest_asyncio.fixture
async def two(
    service: Service, open_page: Open, tmp_path: Path, java_script: bool, request: pytest.FixtureRequest
) -> Two:
    company = await service.company()
    anna = await service.person(company, "anna.admin", "administrator", on=True)
    udo = await service.person(company, "udo.user", on=bool(getattr(request, "param", False)))
    readers = [
        Reader(await open_page(java_script_enabled=java_script), service, person, tmp_path) for person in (anna, udo)
    ]
    await readers[0].sign_in()
    service.clock.advance(minutes=6)
    return Two(*readers)


async def test_an_administrator_switches_it_on_for_somebody_who_enrols_at_the_next_sign_in(two: Two) -> None:
    await two.open_user()
    await two.anna.sees("Es gibt noch keinen Schlüssel")
    await two.anna.follow("Einschalten")
    await two.anna.sees("Bei der nächsten Anmeldung muss dieser Benutzer eine Authenticator-App einrichten")
    await two.give_reason("Einschalten", "Neu in der Buchhaltung")
    await two.prove()
    await two.anna.sees("Zwei-Faktor-Authentifizierung wird verlangt")
    await two.anna.sees("Einrichtung ausstehend")
    await two.enrol_at_sign_in()
    await two.anna.page.reload()
    await two.anna.sees("Neben dem Passwort verlangt jede Anmeldung dieses Benutzers einen Code")


@pytest.mark.parametrize("two", [True], indirect=True)
async def test_a_lost_phone_is_reset_by_the_administrator_and_replaced_at_the_next_sign_in(two: Two) -> None:
    session = await two.udo.service.fresh_sign_in(two.udo.person)
    await two.open_user()
    await two.anna.follow("Schlüssel zurücksetzen")
    await two.give_reason("Schlüssel zurücksetzen", "Telefon verloren")
    await two.prove()
    await two.anna.sees("Der Schlüssel ist ungültig, und der Benutzer ist überall abgemeldet.")
    assert (await two.udo.service.call("GET", "/v1/me", session)).status == 401
    await expect(two.anna.page.get_by_role("button", name="Schlüssel zurücksetzen")).to_be_disabled()
    await two.anna.open("/users")
    await two.anna.sees("2 Benutzer")
    await two.enrol_at_sign_in()
    parts = two.anna.service.parts
    await Projector(parts.pool, parts.wrapper).project()
    await two.anna.page.locator(".unfolded").get_by_role("link", name="Auditprotokoll").click()
    told = two.anna.page.locator(".happenings li")
    await expect(told.filter(has_text="Der Schlüssel wurde zurückgesetzt")).to_contain_text("Grund: Telefon verloren")
    await expect(told.filter(has_text="Die Zwei-Faktor-Authentifizierung wurde eingeschaltet")).not_to_have_count(0)


@pytest.mark.parametrize("two", [True], indirect=True)
async def test_an_administrator_switches_it_off_for_somebody(two: Two) -> None:
    await two.open_user()
    await two.anna.follow("Ausschalten")
    await two.anna.sees("Danach öffnet das Passwort allein dieses Konto.")
    await two.give_reason("Ausschalten", "Übergabe an die Nachfolge")
    await two.prove()
    await two.anna.sees("Die Zwei-Faktor-Authentifizierung dieses Benutzers ist ausgeschaltet")
    await two.udo.give_password()
    await two.udo.sees("Guten Tag")
    assert (await two.udo.service.event_types(two.udo.person.company_id)).count("TwoFactorDisabled") == 1
