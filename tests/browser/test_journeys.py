"""The client's journeys, in German, by the screen alone; each with and without JavaScript."""

from uuid import UUID

import pytest

from tests.browser.conftest import MakeReader
from tests.browser.reader import Reader

pytestmark = pytest.mark.xdist_group("browser")


async def types(reader: Reader, company: UUID | None = None) -> list[str]:
    return await reader.service.event_types(company or reader.person.company_id)


async def test_one_switches_the_second_factor_on_and_signs_in_with_it(reader_of: MakeReader, java_script: bool) -> None:
    udo = await reader_of("udo.user", java_script_enabled=java_script)
    await udo.give_password()
    await udo.page.get_by_role("link", name="udo.user").last.click()
    await udo.follow("Sicherheit")
    await udo.sees("Ihr Passwort allein öffnet Ihr Konto.")
    await udo.follow("Einschalten")
    await udo.page.get_by_label("Passwort", exact=True).fill(udo.person.password)
    await udo.press("Weiter")
    await udo.scan()
    assert "TwoFactorEnabled" not in await types(udo)
    await udo.give_code("Aktivieren")
    await udo.keep_recovery_codes()
    await udo.is_at("/profile/security?")
    await udo.sees("Die Zwei-Faktor-Authentifizierung ist eingeschaltet.")
    await udo.sign_out()
    await udo.sign_in()
    await udo.sees("Neben Ihrem Passwort verlangt jede Anmeldung einen Code")


async def test_one_resets_the_own_key_is_out_everywhere_and_enrols_anew(
    reader_of: MakeReader, java_script: bool
) -> None:
    uta = await reader_of(on=True, java_script_enabled=java_script)
    elsewhere = await uta.service.sign_in(uta.person)
    await uta.sign_in()
    old = uta.person.key
    uta.service.clock.advance(seconds=60)
    await uta.open("/profile/security")
    await uta.follow("Schlüssel zurücksetzen")
    await uta.sees("Sie werden überall abgemeldet, auch hier.")
    await uta.give_code("Schlüssel zurücksetzen")
    await uta.is_at("/sign-in")
    await uta.sees("Ihr Schlüssel ist ungültig und Sie sind überall abgemeldet.")
    assert (await uta.service.call("GET", "/v1/me", elsewhere)).status == 401
    await uta.give_password()
    await uta.scan()
    assert uta.person.key != old
    await uta.give_code("Aktivieren")
    await uta.keep_recovery_codes()
    await uta.sees("Guten Tag")
    assert (await types(uta)).count("KeyReset") == 1


async def test_one_switches_the_own_factor_off(reader_of: MakeReader, java_script: bool) -> None:
    uta = await reader_of(on=True, java_script_enabled=java_script)
    await uta.sign_in()
    uta.service.clock.advance(seconds=60)
    await uta.open("/profile/security")
    await uta.follow("Ausschalten")
    await uta.sees("Danach öffnet Ihr Passwort allein Ihr Konto.")
    await uta.give_code("Ausschalten")
    await uta.is_at("/profile/security")
    await uta.sees("Die Zwei-Faktor-Authentifizierung ist ausgeschaltet.")
    await uta.sign_out()
    await uta.give_password()
    await uta.sees("Guten Tag")


async def test_one_moves_to_a_new_phone_and_the_old_one_works_until_then(
    reader_of: MakeReader, java_script: bool
) -> None:
    uta = await reader_of(on=True, java_script_enabled=java_script)
    await uta.sign_in()
    uta.service.clock.advance(seconds=60)
    await uta.open("/profile/security")
    await uta.follow("Authenticator-App ersetzen")
    await uta.give_code("Weiter")
    old = uta.person.key
    await uta.scan()
    new = uta.person.key
    uta.person.key = old
    uta.service.clock.advance(seconds=60)
    assert await uta.service.sign_in(uta.person)
    uta.person.key = new
    await uta.give_code("Aktivieren")
    await uta.keep_recovery_codes()
    await uta.sees("Ihre neue Authenticator-App ist im Einsatz")
    await uta.sign_out()
    await uta.sign_in()


async def test_one_comes_in_by_a_recovery_code_without_the_phone(reader_of: MakeReader, java_script: bool) -> None:
    uta = await reader_of(on=True, java_script_enabled=java_script)
    await uta.give_password()
    await uta.follow("Kein Telefon zur Hand? Wiederherstellungscode benutzen")
    await uta.page.get_by_label("Wiederherstellungscode").fill("AAAA-BBBB-CCCC-DDDD")
    await uta.press("Weiter")
    await uta.sees("Dieser Code wurde nicht angenommen.")
    await uta.page.get_by_label("Wiederherstellungscode").fill(uta.person.recovery_codes[0].lower())
    await uta.press("Weiter")
    await uta.sees("Guten Tag")
    await uta.sees("9 Wiederherstellungscodes sind übrig.")


async def test_an_expired_password_is_renewed_after_the_second_factor(reader_of: MakeReader, java_script: bool) -> None:
    uta = await reader_of(on=True, java_script_enabled=java_script)
    anna = await uta.service.person(uta.person.company_id, "anna.admin", "administrator", on=True)
    admin = await uta.service.fresh_sign_in(anna)
    policy = {"requirement": "optional", "password_max_age_days": 1}
    done = await uta.service.call("PUT", "/v1/policy", admin, policy)
    assert done.status == 200, done
    uta.service.clock.advance(days=2)
    await uta.give_password()
    await uta.give_code("Weiter")
    await uta.sees("Ihr Passwort gilt nicht mehr.")
    await uta.page.get_by_label("Neues Passwort", exact=True).fill("ganz neu und lang 7")
    await uta.page.get_by_label("Neues Passwort noch einmal").fill("etwas anderes")
    await uta.press("Weiter")
    await uta.sees("Die beiden Passwörter sind nicht gleich.")
    await uta.page.get_by_label("Neues Passwort", exact=True).fill("ganz neu und lang 7")
    await uta.page.get_by_label("Neues Passwort noch einmal").fill("ganz neu und lang 7")
    await uta.press("Weiter")
    await uta.sees("Guten Tag")
