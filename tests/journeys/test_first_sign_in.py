"""The skeleton: from nothing to a session with a code, and every act in the log."""

from tests.support.service import Service


async def test_a_user_enrols_signs_in_with_a_code_and_resets_the_key(service: Service) -> None:
    company = await service.company()
    udo = await service.person(company, "udo.user", on=True)
    token = await service.sign_in(udo)
    assert (await service.call("GET", "/v1/me", token)).json["login"] == "udo.user"

    service.clock.advance(seconds=30)
    reset = await service.call("POST", "/v1/me/two-factor/reset", token, {"code": service.code(udo)})
    assert reset.status == 204
    assert (await service.call("GET", "/v1/me", token)).status == 401
    assert (await service.start(udo)).json["status"] == "enrolment_required"

    types = await service.event_types(company)
    assert types == [
        "CompanyCreated",
        "UserCreated",
        "SignedIn",
        "EnrolmentStarted",
        "TwoFactorEnabled",
        "RecoveryCodesIssued",
        "SignedOut",
        "SignInStarted",
        "SignedIn",
        "KeyReset",
        "SignInStarted",
    ]
