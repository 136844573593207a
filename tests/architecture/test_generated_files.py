"""What is made from code is committed as it would be made now."""

from services.api import openapi
from services.cli import configuration


def test_the_openapi_document_is_the_one_of_the_route_table() -> None:
    assert openapi.COMMITTED.read_text(encoding="utf-8") == openapi.text()


def test_the_configuration_page_is_the_one_of_the_settings_model() -> None:
    assert configuration.COMMITTED.read_text(encoding="utf-8") == configuration.text()
