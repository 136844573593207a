"""docs/operations.md names what there is."""

import re

from services import bootstrap
from services.settings import SECRETS, Settings
from tests.deployment.files import COMPOSE, ROOT

PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def test_every_variable_that_it_names_is_a_setting_or_one_of_compose() -> None:
    settings = {name.upper() for name in Settings.model_fields} | {f"{name.upper()}_FILE" for name in SECRETS}
    compose = set(re.findall(r"\$\{FACTORLOG_(\w+)", COMPOSE.read_text(encoding="utf-8")))
    # A name that ends in an underscore stands for all that begin so.
    named = {name for name in re.findall(r"FACTORLOG_([A-Z0-9_]+)", PAGE) if not name.endswith("_")}
    assert named
    assert named <= settings | compose


def test_what_a_pooler_has_to_leave_out_is_what_the_role_has_to_have() -> None:
    [left_out] = re.findall(r"ignore_startup_parameters = ([\w,]+)", PAGE)
    of_the_role = dict(re.findall(r"ALTER ROLE factorlog_app SET (\w+) = (\w+);", PAGE))
    assert of_the_role == bootstrap.PLANNING
    assert left_out.split(",") == list(bootstrap.PLANNING)


def test_the_files_that_it_links_exist() -> None:
    links = set(re.findall(r"\]\(([\w/.]+)\)", PAGE))
    assert links
    assert all((ROOT / "docs" / link).is_file() for link in links)
