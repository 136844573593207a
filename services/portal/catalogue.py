"""Keeps the catalogues of translations in step with the sentences in code and templates: `make messages`."""

from io import BytesIO
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from services.portal.languages import LOCALES

_HERE: Final = Path(__file__).parent
_METHODS: Final = [("**.py", "python"), ("templates/**.html", "jinja2")]
_OPTIONS: Final = {"templates/**.html": {"trimmed": "true", "newstyle_gettext": "true"}}
_KEYWORDS: Final = {
    "_": None,
    "gettext": None,
    "ngettext": (1, 2),
    "text": None,
    "count": (1, 2),
}


def extracted() -> Catalog:
    """Every sentence that is shown, with where it stands."""
    catalogue = Catalog(charset="utf-8", fuzzy=False)
    found = extract_from_dir(str(_HERE), _METHODS, _OPTIONS, keywords=_KEYWORDS)
    for name, _line, sentence, comments, context in sorted(found, key=lambda one: (one[0], one[1], str(one[2]))):
        catalogue.add(sentence, locations=[(name, 0)], auto_comments=comments, context=context)
    return catalogue


def paths() -> list[Path]:
    return sorted(LOCALES.glob("*/LC_MESSAGES/messages.po"))


def up_to_date(path: Path) -> tuple[Catalog, bytes]:
    """A catalogue as it has to be: all sentences, none that is gone; and as it is written."""
    with path.open("rb") as source:
        catalogue = read_po(source, locale=path.parts[-3], abort_invalid=True)
    catalogue.update(extracted(), no_fuzzy_matching=True, update_creation_date=False)
    catalogue.obsolete.clear()
    written = BytesIO()
    write_po(written, catalogue, width=120, omit_header=False, sort_output=True, no_location=True)
    return catalogue, written.getvalue()


def main() -> None:
    for path in paths():
        catalogue, text = up_to_date(path)
        path.write_bytes(text)
        missing = len([one for one in catalogue if one.id and not is_translated(one.string)])
        print(f"{path.parts[-3]}: {len(catalogue)} sentences, {missing} to translate")  # noqa: T201 - a command


def is_translated(text: str | list[str] | tuple[str, ...] | None) -> bool:
    return all(text) and bool(text) if text is not None else False


if __name__ == "__main__":
    main()
