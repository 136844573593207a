"""Double clicks, two tabs, and a session that ends in the middle of a form: sensible, and one event."""

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.conftest import MakeReader
from tests.browser.reader import Reader
from tests.support.browser import Open
from tests.support.service import Service

pytestmark = pytest.mark.xdist_group("browser")


class Log:
    """What happened since it was last asked."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._seen = 0

    async def news(self) -> list[str]:
        types = await self._reader.service.event_types(self._reader.person.company_id)
        new, self._seen = types[self._seen :], len(types)
        return new


async def twice(reader: Reader, name: str) -> None:
    await reader.page.locator("main").get_by_role("button", name=name, exact=True).dblclick()


async def test_every_button_of_the_own_pages_may_be_clicked_twice(reader_of: MakeReader, java_script: bool) -> None:
    uta = await reader_of(on=True, java_script_enabled=java_script)
    log, page, service = Log(uta), uta.page, uta.service
    await log.news()
    await uta.open()
    await page.get_by_label("Login").fill(uta.person.login)
    await page.get_by_label("Passwort", exact=True).fill(uta.person.password)
    await twice(uta, "Anmelden")
    await uta.is_at("/sign-in/code")
    assert await log.news() == ["SignInStarted"]
    await page.locator("[name=code]").fill(service.code(uta.person))
    await twice(uta, "Weiter")
    await uta.sees("Guten Tag")
    assert await log.news() == ["SignedIn"]
    service.clock.advance(minutes=6)
    await uta.open("/profile/settings")
    await page.get_by_label("E-Mail").fill("neu@acme.example")
    await twice(uta, "Speichern")
    await uta.sees("Sind Sie es?")
    await page.locator("[name=code]").fill(service.code(uta.person))
    await twice(uta, "Weiter")
    await expect(page.get_by_label("E-Mail")).to_have_value("neu@acme.example")
    assert await log.news() == ["SteppedUp", "UserChanged"]
    service.clock.advance(seconds=60)
    await uta.open("/profile/security")
    for label in ("Altes Passwort", "Neues Passwort", "Neues Passwort noch einmal"):
        await page.get_by_label(label, exact=True).fill(
            uta.person.password if label.startswith("Altes") else "ganz neu und lang 7"
        )
    await twice(uta, "Passwort ändern")
    await expect(page.locator(".notice")).to_be_visible()
    assert await log.news() == ["PasswordChanged"]
    await uta.open("/profile/security/reset")
    await page.locator("[name=code]").fill(service.code(uta.person))
    await twice(uta, "Schlüssel zurücksetzen")
    await expect(page.get_by_label("Login")).to_be_visible()
    assert await log.news() == ["KeyReset"]


async def test_a_wrong_code_that_is_clicked_twice_is_one_try_and_is_told(
    reader_of: MakeReader, java_script: bool
) -> None:
    uta = await reader_of(on=True, java_script_enabled=java_script)
    await uta.sign_in()
    uta.service.clock.advance(seconds=60)
    await uta.open("/profile/security/disable")
    await uta.page.locator("[name=code]").fill(uta.service.wrong_code(uta.person))
    await twice(uta, "Ausschalten")
    await expect(uta.page.locator("#code-wrong")).to_contain_text("Dieser Code wurde nicht angenommen.")
    assert (await uta.service.event_types(uta.person.company_id)).count("CodeRejected") == 1


async def test_every_button_on_the_way_to_an_act_on_somebody_may_be_clicked_twice(
    service: Service, open_page: Open, tmp_path: Path, java_script: bool
) -> None:
    company = await service.company()
    anna = await service.person(company, "anna.admin", "administrator", on=True)
    udo = await service.person(company, "udo.user")
    reader = Reader(await open_page(java_script_enabled=java_script), service, anna, tmp_path)
    await reader.sign_in()
    service.clock.advance(minutes=6)
    log, page = Log(reader), reader.page
    await log.news()
    await reader.open(f"/users/{udo.user_id}/enable")
    await page.get_by_label("Grund").fill("Neu in der Buchhaltung")
    await twice(reader, "Einschalten")
    await reader.sees("Sind Sie es?")
    await page.locator("[name=code]").fill(service.code(anna))
    await twice(reader, "Weiter")
    await reader.sees("Einrichtung ausstehend")
    assert await log.news() == ["SteppedUp", "TwoFactorOrdered"]
    await reader.open("/users/add")
    await page.get_by_label("Login").fill("nina.neu")
    await twice(reader, "Benutzer hinzufügen")
    await expect(page.locator("h1")).not_to_have_text("Benutzer hinzufügen")
    await reader.open("/users")
    await reader.sees("3 Benutzer")
    assert await log.news() == ["UserCreated"]
    await reader.open(f"/users/{udo.user_id}/deactivate")
    await page.get_by_label("Grund").fill("Ausgeschieden")
    await twice(reader, "Deaktivieren")
    await expect(page.locator(".notice")).to_be_visible()
    await reader.sees("Reaktivieren")
    assert await log.news() == ["UserDeactivated"]


async def test_a_session_that_ended_in_the_middle_of_a_form_is_said_and_leads_back(
    reader_of: MakeReader, java_script: bool
) -> None:
    uta = await reader_of(on=True, java_script_enabled=java_script)
    await uta.sign_in()
    await uta.open("/profile/settings")
    await uta.page.get_by_label("E-Mail").fill("neu@acme.example")
    uta.service.clock.advance(hours=2)
    before = await uta.service.event_types(uta.person.company_id)
    await uta.press("Speichern")
    await uta.sees("Ihre Sitzung ist zu Ende.")
    await uta.sees("was noch nicht gespeichert war, ist neu einzugeben")
    assert await uta.service.event_types(uta.person.company_id) == before
    await uta.page.get_by_label("Login").fill(uta.person.login)
    await uta.page.get_by_label("Passwort", exact=True).fill(uta.person.password)
    await uta.press("Anmelden")
    await uta.give_code("Weiter")
    await uta.is_at("/profile/settings")
    await expect(uta.page.get_by_label("E-Mail")).to_have_value("uta@acme.example")


async def test_two_tabs_one_signs_out_and_the_other_loses_nothing_silently(reader_of: MakeReader) -> None:
    uta = await reader_of(on=True)
    await uta.sign_in()
    await uta.open("/profile/settings")
    other = Reader(await uta.page.context.new_page(), uta.service, uta.person, uta.folder)
    await other.open("/profile/sessions")
    await other.sign_out()
    await uta.page.get_by_label("E-Mail").fill("neu@acme.example")
    await uta.press("Speichern")
    await expect(uta.page.get_by_label("Login")).to_be_visible()
    await uta.is_at("/sign-in?next=%2Fprofile%2Fsettings")


async def test_two_tabs_in_one_sign_in_are_both_in_when_one_of_them_is(reader_of: MakeReader) -> None:
    uta = await reader_of(on=True)
    await uta.give_password()
    await uta.is_at("/sign-in/code")
    other = Reader(await uta.page.context.new_page(), uta.service, uta.person, uta.folder)
    await other.open("/sign-in/code")
    await uta.give_code("Weiter")
    await uta.sees("Guten Tag")
    await other.give_code("Weiter")
    await other.sees("Guten Tag")
    types = await uta.service.event_types(uta.person.company_id)
    assert (types.count("SignedIn"), types.count("CodeRejected")) == (2, 0)  # with that of the set-up


async def test_two_tabs_reset_a_key_and_the_second_is_told(reader_of: MakeReader) -> None:
    uta = await reader_of(on=True)
    await uta.sign_in()
    uta.service.clock.advance(seconds=60)
    await uta.open("/profile/security/disable")
    other = Reader(await uta.page.context.new_page(), uta.service, uta.person, uta.folder)
    await other.open("/profile/security/replace")
    await uta.give_code("Ausschalten")
    await uta.sees("Die Zwei-Faktor-Authentifizierung ist ausgeschaltet.")
    await other.page.locator("[name=code]").fill("123456")
    await other.press("Weiter")
    await other.sees("Das ist nicht möglich")
    await other.sees("Es gibt keinen Schlüssel.")
    await other.follow("Weiter")
    await other.is_at("/profile/security")
