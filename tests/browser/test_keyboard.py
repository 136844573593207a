"""Signing in and enrolling with the keyboard alone: what has the focus is seen, and nothing else is needed."""

from typing import Final

import pytest

from tests.browser.conftest import MakeReader
from tests.browser.reader import Reader
from tests.support.scene import REASON

pytestmark = pytest.mark.xdist_group("browser")

# Text, name or kind of what has the focus, and whether somebody sees that it has.
_FOCUSED: Final = """() => {
    const one = document.activeElement, style = getComputedStyle(one);
    if (one === document.body) return [[], true];  // nothing yet
    const shown = parseFloat(style.outlineWidth) >= 2 && style.outlineStyle !== "none" || style.boxShadow !== "none";
    const box = one.getBoundingClientRect();
    return [[one.innerText?.trim(), one.name, one.type], shown && box.width > 0 && box.height > 0];
}"""


async def tab_to(reader: Reader, wanted: str) -> None:
    """By as many presses of Tab as it takes; wherever the focus comes by, it is seen."""
    for _ in range(40):
        names, is_seen = await reader.page.evaluate(_FOCUSED)
        assert is_seen, names
        if wanted in names:
            return
        await reader.page.keyboard.press("Tab")
    raise AssertionError(f"the focus never came to {wanted}")


async def give(reader: Reader, field: str, text: str) -> None:
    await tab_to(reader, field)
    await reader.page.keyboard.type(text)


async def password_given(reader: Reader) -> None:
    await reader.open()
    await give(reader, "login", reader.person.login)
    await give(reader, "password", reader.person.password)
    await reader.page.keyboard.press("Enter")


async def test_one_signs_in_with_a_code_and_corrects_a_wrong_one(reader_of: MakeReader, java_script: bool) -> None:
    uta = await reader_of(on=True, java_script_enabled=java_script)
    await password_given(uta)
    await uta.is_at("/sign-in/code")
    await give(uta, "code", uta.service.wrong_code(uta.person))
    await uta.page.keyboard.press("Enter")
    await uta.sees("Dieser Code wurde nicht angenommen.")
    names, is_seen = await uta.page.evaluate(_FOCUSED)
    assert ("code" in names, is_seen) == (True, True)  # where one goes on, without a single Tab
    await uta.page.keyboard.type(uta.service.code(uta.person))
    await uta.page.keyboard.press("Enter")
    await uta.sees("Guten Tag")


async def test_one_signs_in_with_a_recovery_code(reader_of: MakeReader, java_script: bool) -> None:
    uta = await reader_of(on=True, java_script_enabled=java_script)
    await password_given(uta)
    await uta.is_at("/sign-in/code")
    await tab_to(uta, "Kein Telefon zur Hand? Wiederherstellungscode benutzen")
    await uta.page.keyboard.press("Enter")
    await uta.is_at("/sign-in/recovery-code")
    await give(uta, "recovery_code", uta.person.recovery_codes[0])
    await uta.page.keyboard.press("Enter")
    await uta.sees("Guten Tag")


async def test_one_enrols_when_the_sign_in_demands_it(reader_of: MakeReader, java_script: bool) -> None:
    udo = await reader_of("udo.user", java_script_enabled=java_script)
    service, company = udo.service, udo.person.company_id
    admin = await service.fresh_sign_in(await service.person(company, "anna.admin", "administrator", on=True))
    path = f"/v1/users/{udo.person.user_id}/two-factor/enable"
    assert (await service.call("POST", path, admin, REASON)).status == 200
    await password_given(udo)
    await udo.scan()
    await give(udo, "code", udo.service.code(udo.person))
    await udo.page.keyboard.press("Enter")
    await _codes_kept(udo)
    await udo.sees("Guten Tag")


async def test_one_enrols_in_the_own_profile(reader_of: MakeReader, java_script: bool) -> None:
    udo = await reader_of("udo.user", java_script_enabled=java_script)
    await password_given(udo)
    await udo.sees("Guten Tag")
    for link, at in (("Mein Profil", "settings"), ("Sicherheit", "security"), ("Einschalten", "security/enable")):
        await tab_to(udo, link)
        await udo.page.keyboard.press("Enter")
        await udo.is_at(f"/profile/{at}")
    await udo.sees("Damit das niemand anderes an Ihrem Platz tut.")
    await give(udo, "password", udo.person.password)
    await udo.page.keyboard.press("Enter")
    await udo.scan()
    await give(udo, "code", udo.service.code(udo.person))
    await udo.page.keyboard.press("Enter")
    await _codes_kept(udo)
    await udo.sees("Die Zwei-Faktor-Authentifizierung ist eingeschaltet.")


async def _codes_kept(reader: Reader) -> None:
    await reader.sees("Ihre Wiederherstellungscodes")
    await tab_to(reader, "checkbox")
    await reader.page.keyboard.press("Space")
    await tab_to(reader, "Weiter")
    await reader.page.keyboard.press("Enter")
