"""In and out again."""

from tests.support.browser import Open
from tests.support.service import Service


async def test_somebody_signs_in_and_out_again(service: Service, open_page: Open) -> None:
    company = await service.company()
    uta = await service.person(company, "uta.user", on=True)
    page = await open_page()
    await page.goto(service.url)
    await page.fill("[name=login]", uta.login)
    await page.fill("[name=password]", uta.password)
    await page.click("main form button")
    await page.fill("[name=code]", service.code(uta))
    await page.click("main form button")
    await page.wait_for_url(service.url + "/")
    assert uta.login in await page.inner_text("h1")
    await page.click("form[action='/sign-out'] button:visible")
    await page.wait_for_url(service.url + "/sign-in")
