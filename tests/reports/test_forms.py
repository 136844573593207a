"""One report in every form: the same content, and the same bytes whenever it is asked for."""

from tests.reports.ordering import FORMATS, KINDS, Orders
from tests.support.scene import scene_of
from tests.support.service import Service


async def test_x(service: Service) -> None:
    scene = await scene_of(service, "anna", "axel", "udo", "ute")
    token = await scene.fresh("anna")
    await scene.act(token, "udo", "reset", {"reason": "</script><b>=1+1"})
    service.clock.advance(seconds=1)
    orders = Orders(service, token)
    for kind in KINDS:
        report = await orders.ordered(kind)
        again = await orders.ordered(kind)
        for form in FORMATS:
            a = await orders.file(report, form)
            assert a.status == 200, a
            b = await orders.file(again, form)
            print(kind, form, len(a.raw), a.headers.get("Content-Disposition"), a.raw == b.raw)
            open(f"/tmp/rep_{kind}.{form}", "wb").write(a.raw)
