"""What pages do when things go wrong, or somebody means harm."""

from typing import Final

import pytest
from playwright.async_api import expect

from tests.browser.conftest import MakeReader
from tests.browser.reader import Reader
from tests.support.browser import Open
from tests.support.service import Service
from workers.projector import Projector

pytestmark = pytest.mark.xdist_group("browser")

_REJECTED: Final = "Dieser Code wurde nicht angenommen."
_HARM: Final = "<img src=x onerror=alert(1)>{{7*7}}"


async def wrong_code(reader: Reader, button: str) -> None:
    """The message stands at the field, and the field is described by it and has the focus."""
    await reader.give_code(button, reader.service.wrong_code(reader.person))
    field = reader.page.locator("[name=code]")
    await expect(reader.page.locator("#code-wrong")).to_contain_text(_REJECTED)
    await expect(field).to_have_attribute("aria-invalid", "true")
    assert "code-wrong" in (await field.get_attribute("aria-describedby") or "")
    await expect(field).to_be_focused()
    await expect(field).to_have_value("")


async def test_a_wrong_code_is_told_at_the_field_of_every_form(reader_of: MakeReader) -> None:
    uta = await reader_of(on=True)
    await uta.give_password()
    await wrong_code(uta, "Weiter")
    await uta.give_code("Weiter")
    await uta.sees("Guten Tag")
    for path, button in (
        ("reset", "Schlüssel zurücksetzen"),
        ("disable", "Ausschalten"),
        ("replace", "Weiter"),
        ("recovery-codes", "Neue Codes erzeugen"),
    ):
        uta.service.clock.advance(minutes=20)
        await uta.open(f"/profile/security/{path}")
        await wrong_code(uta, button)
    uta.service.clock.advance(minutes=20)
    await uta.open("/step-up")
    await wrong_code(uta, "Weiter")
    uta.service.clock.advance(minutes=30)
    await uta.open("/profile/security/replace")
    await uta.give_code("Weiter")
    await uta.scan()
    key = uta.person.key
    await wrong_code(uta, "Aktivieren")
    await uta.scan()
    assert uta.person.key == key
    await uta.give_code("Aktivieren")
    await uta.sees("Ihre Wiederherstellungscodes")


async def test_five_wrong_codes_void_the_shown_key_and_the_page_says_so(reader_of: MakeReader) -> None:
    udo = await reader_of("udo.user")
    await udo.give_password()
    await udo.open("/profile/security/enable")
    await udo.page.get_by_label("Passwort", exact=True).fill(udo.person.password)
    await udo.press("Weiter")
    await udo.scan()
    for _ in range(5):
        await udo.give_code("Aktivieren", udo.service.wrong_code(udo.person))
        await udo.page.wait_for_load_state()
    await udo.sees("Der gezeigte Schlüssel ist ungültig")


async def test_what_is_no_code_is_told_at_the_field_and_is_no_try(reader_of: MakeReader) -> None:
    uta = await reader_of(on=True, java_script_enabled=False)
    await uta.give_password()
    for typed in ("12345", "1234567", "12 34 56", "١٢٣٤٥٦", "abcdef"):
        await uta.give_code("Weiter", typed)
        await uta.sees("Ein Code hat genau sechs Ziffern.")
    assert "CodeRejected" not in await uta.service.event_types(uta.person.company_id)


async def test_a_code_may_be_pasted_with_the_gap_that_apps_show(reader_of: MakeReader) -> None:
    uta = await reader_of(on=True)
    await uta.give_password()
    code = uta.service.code(uta.person)
    await uta.give_code("Weiter", f"{code[:3]} {code[3:]}")
    await uta.sees("Guten Tag")


async def test_a_double_click_sends_a_form_once(reader_of: MakeReader) -> None:
    uta = await reader_of(on=True)
    await uta.sign_in()
    uta.service.clock.advance(seconds=60)
    await uta.open("/profile/security/recovery-codes")
    await uta.page.locator("[name=code]").fill(uta.service.code(uta.person))
    before = await uta.service.event_types(uta.person.company_id)
    await uta.page.get_by_role("button", name="Neue Codes erzeugen").dblclick()
    await uta.sees("Ihre Wiederherstellungscodes")
    after = await uta.service.event_types(uta.person.company_id)
    assert after[len(before) :] == ["RecoveryCodesIssued"]


async def test_the_back_button_shows_nothing_after_signing_out(reader_of: MakeReader) -> None:
    uta = await reader_of(on=True)
    await uta.sign_in()
    await uta.open("/profile/activity")
    await uta.open("/profile/settings")
    await uta.sign_out()
    for _ in range(3):
        await uta.page.go_back()
        await expect(uta.page.get_by_label("Login")).to_be_visible()
        assert "uta@acme.example" not in await uta.page.content()


async def test_another_tab_goes_on_after_proving_again(reader_of: MakeReader) -> None:
    uta = await reader_of(on=True)
    await uta.sign_in()
    uta.service.clock.advance(minutes=6)
    await uta.open("/profile/settings")
    other = Reader(await uta.page.context.new_page(), uta.service, uta.person, uta.folder)
    await other.open("/step-up?next=/profile/settings")
    await other.give_code("Weiter")
    await other.sees("In den nächsten fünf Minuten")
    await uta.page.get_by_label("E-Mail").fill("neu@acme.example")
    await uta.press("Speichern")
    await uta.sees("Ihre Einstellungen wurden gespeichert.")
    await other.open("/profile/sessions")
    await other.sees("Es gibt keine anderen Sitzungen.")


async def test_the_language_is_the_users_own_after_signing_in(reader_of: MakeReader) -> None:
    uta = await reader_of(on=True, locale="en-GB")
    await uta.open()
    await uta.sees("Forgotten your password?")
    await uta.press("Português")
    await uta.sees("Esqueceu a senha?")
    await uta.press("Deutsch")
    await uta.sign_in()
    await uta.open("/profile/settings")
    await uta.page.get_by_label("Sprache").select_option("en")
    await uta.press("Speichern")
    await uta.sees("Your settings were saved.")
    await uta.is_at("/profile/settings")


@pytest.mark.parametrize("java_script", [True, False])
async def test_another_language_keeps_what_was_typed_and_where_one_wanted_to_go(
    reader_of: MakeReader, java_script: bool
) -> None:
    uta = await reader_of(on=True, locale="en-GB", java_script_enabled=java_script)
    await uta.open("/profile/sessions")
    await uta.page.get_by_label("Login").fill(uta.person.login)
    await uta.press("Deutsch")
    await uta.sees("Passwort vergessen?")
    await expect(uta.page.get_by_label("Login")).to_have_value(uta.person.login)
    await expect(uta.page.locator(".wrong")).to_have_count(0)
    await uta.page.get_by_label("Passwort", exact=True).fill(uta.person.password)
    await uta.press("Anmelden")
    await uta.give_code("Weiter")
    await uta.is_at("/profile/sessions")


async def test_w08_what_people_typed_is_shown_as_text(service: Service, open_page: Open, reader_of: MakeReader) -> None:
    company = await service.company(_HARM)
    mallory = await service.person(company, _HARM[:64], email="mallory@acme.example")
    anna = await service.person(company, "anna.admin", "administrator", on=True)
    page = await open_page(user_agent=f"Firefox/{_HARM}")
    shown: list[str] = []
    # Nobody answers it: a dialog would keep the page waiting, and the test with it.
    page.on("dialog", lambda dialog: shown.append(dialog.message))
    reader = Reader(page, service, mallory, (await reader_of("nobody")).folder)
    await reader.open(f"/sign-in?next={_HARM}")
    await page.get_by_label("Login").fill(_HARM)
    await page.get_by_label("Passwort", exact=True).fill("wrong password")
    await reader.press("Anmelden")
    await expect(page.get_by_label("Login")).to_have_value(_HARM)
    await reader.give_password()
    await reader.sees("Guten Tag")
    admin = await service.fresh_sign_in(anna)
    for act in ("enable", "disable"):
        done = await service.call("POST", f"/v1/users/{mallory.user_id}/two-factor/{act}", admin, {"reason": _HARM})
        assert done.status == 200, done
    await page.context.clear_cookies()
    await reader.give_password()
    await Projector(service.parts.pool, service.parts.wrapper).project()
    for path in ("/", "/profile/settings", "/profile/security", "/profile/sessions", "/profile/activity"):
        await reader.open(path)
        assert "<img src=x" not in await page.content()
        assert "onerror=alert(1)>49" not in await page.inner_text("body")
    await expect(page.locator(".happenings")).to_contain_text(_HARM)
    assert shown == []
