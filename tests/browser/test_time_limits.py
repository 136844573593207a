"""Digits are counted, and what ends by itself is told before it does; the clock of the browser is the test's."""

import pytest
from playwright.async_api import expect

from tests.browser.conftest import MakeReader

pytestmark = pytest.mark.xdist_group("browser")


async def test_the_digits_of_a_code_are_counted_as_they_are_typed(reader_of: MakeReader) -> None:
    uta = await reader_of(on=True)
    await uta.give_password()
    counter, field = uta.page.locator("[data-count]"), uta.page.locator("[name=code]")
    await expect(counter).to_have_text("0/6")
    await field.press_sequentially("123 4")
    await expect(counter).to_have_text("4/6")
    await field.fill("")
    await expect(counter).to_have_text("0/6")


async def test_a_sign_in_says_how_long_it_takes_and_warns_before_it_ends(reader_of: MakeReader) -> None:
    uta = await reader_of(on=True)
    await uta.page.clock.install()
    await uta.give_password()
    await uta.sees("Für diesen Schritt ist Zeit bis")
    told = uta.page.locator(".limit [role=status]")
    await expect(told).to_be_empty()
    await uta.page.clock.fast_forward("03:30")
    await expect(told).to_be_empty()
    await uta.page.clock.fast_forward("00:45")
    await expect(told).to_have_text("Für diesen Schritt bleibt weniger als eine Minute.")
    await uta.page.clock.fast_forward("01:00")
    await expect(told).to_contain_text("Die Zeit für diesen Schritt ist um.")


async def test_a_shown_key_warns_before_its_time_is_over(reader_of: MakeReader) -> None:
    udo = await reader_of("udo.user")
    await udo.page.clock.install()
    await udo.give_password()
    await udo.open("/profile/security/enable")
    await udo.page.get_by_label("Passwort", exact=True).fill(udo.person.password)
    await udo.press("Weiter")
    await udo.sees("wartet bis")
    told = udo.page.locator(".limit:not(.session) [role=status]")
    await udo.page.clock.fast_forward("08:30")
    await expect(told).to_be_empty()
    await udo.page.clock.fast_forward("01:00")
    await expect(told).to_have_text("Für diesen Schritt bleibt weniger als eine Minute.")
    await udo.page.clock.fast_forward("01:00")
    await expect(told).to_contain_text("dieser Schlüssel ist ungültig")


async def test_a_key_that_a_sign_in_demands_is_not_promised_for_longer_than_the_sign_in(reader_of: MakeReader) -> None:
    uta = await reader_of(on=True)
    anna = await uta.service.person(uta.person.company_id, "anna.admin", "administrator", on=True)
    admin = await uta.service.fresh_sign_in(anna)
    reset = f"/v1/users/{uta.person.user_id}/two-factor/reset"
    assert (await uta.service.call("POST", reset, admin, {"reason": "lost phone"})).status == 200
    await uta.give_password()
    await uta.page.locator(".qr svg").wait_for()
    seconds = int(await uta.page.locator(".limit").get_attribute("data-seconds") or "")
    uta.service.clock.advance(seconds=seconds - 1)
    await uta.scan()
    await uta.give_code("Aktivieren")
    await uta.sees("Ihre Wiederherstellungscodes")


async def test_an_unused_session_warns_and_another_tab_keeps_it_and_what_was_typed(reader_of: MakeReader) -> None:
    uta = await reader_of(on=True)
    await uta.sign_in()
    await uta.page.clock.install()
    await uta.open("/profile/settings")
    await uta.page.get_by_label("E-Mail").fill("neu@acme.example")
    told = uta.page.locator(".limit.session [role=status]")
    uta.service.clock.advance(minutes=58)
    await uta.page.clock.fast_forward("58:00")
    await expect(told).to_contain_text("In zwei Minuten endet Ihre Sitzung")
    async with uta.page.expect_popup() as opened:
        await uta.follow("Angemeldet bleiben (öffnet einen neuen Tab)")
    await (await opened.value).wait_for_load_state()
    await expect(told).to_be_empty()
    uta.service.clock.advance(minutes=30)
    await uta.press("Speichern")
    await uta.sees("Sind Sie es?")
    await uta.give_code("Weiter")
    await uta.sees("Ihre Einstellungen wurden gespeichert.")
    await expect(uta.page.get_by_label("E-Mail")).to_have_value("neu@acme.example")


async def test_a_session_that_is_at_its_end_says_that_it_cannot_go_on(reader_of: MakeReader) -> None:
    uta = await reader_of(on=True)
    await uta.sign_in()
    await uta.page.clock.install()
    for _ in range(14):
        uta.service.clock.advance(minutes=50)
        await uta.open("/profile/sessions")
    await uta.sees("12 Stunden nach der Anmeldung")
    await uta.page.clock.fast_forward("18:30")
    told = uta.page.locator(".limit.session [role=status]")
    await expect(told).to_contain_text("Länger darf keine dauern.")
    await expect(told.get_by_role("link")).to_have_count(0)
    await uta.page.clock.fast_forward("02:00")
    await expect(told).to_contain_text("Ihre Sitzung ist zu Ende.")


async def test_without_a_script_the_times_stand_there_in_words(reader_of: MakeReader) -> None:
    uta = await reader_of(on=True, java_script_enabled=False)
    await uta.give_password()
    await uta.sees("Für diesen Schritt ist Zeit bis")
    await expect(uta.page.locator("[data-count]")).to_be_hidden()
    await expect(uta.page.locator("[data-left]")).to_be_hidden()
    await uta.give_code("Weiter")
    await uta.open("/profile/sessions")
    await uta.sees("nach 60 Minuten, in denen nichts geschieht")
