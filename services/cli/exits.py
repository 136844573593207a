"""Exit codes of `factorlog`, and how errors reach people."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

import typer

from events.store.port import Unavailable
from services.adapters.key_file import KeyRefused
from services.adapters.migrations import MigrationRefused
from services.application.errors import Contended, Refused, Unacceptable
from services.application.in_step import DatabaseBehind
from services.application.journal import JournalUnavailable
from services.application.ports import KeyUnavailable
from services.application.signing import SigningRefused
from services.bootstrap import AddressTaken, StartRefused
from services.embedded.errors import EmbeddedError
from services.settings import SettingsError

REFUSED: Final = 1  # the act was refused, or something does not fit
USAGE: Final = 2  # wrong arguments or settings
UNSOUND: Final = 3  # check found something
UNAVAILABLE: Final = 4  # database, key or address not available: try again later


def fail(message: str, code: int) -> NoReturn:
    typer.echo(f"factorlog: {message}", err=True)
    raise typer.Exit(code)


@contextmanager
def explained() -> Iterator[None]:
    """Known errors become one sentence and an exit code."""
    try:
        yield
    except SettingsError as error:
        fail(str(error), USAGE)
    except (KeyRefused, StartRefused, MigrationRefused, DatabaseBehind, JournalUnavailable, SigningRefused) as error:
        fail(str(error), REFUSED)
    except Refused as error:
        fail(str(error.refusal).replace("_", " "), REFUSED)
    except Unacceptable as error:
        fail(f"{error.field} {error.message}", REFUSED)
    except KeyUnavailable:
        fail("the key-encryption key is not the one of this installation", UNAVAILABLE)
    except Contended:
        fail("other writers were first, again and again; try later", UNAVAILABLE)
    except (EmbeddedError, AddressTaken) as error:
        fail(str(error), UNAVAILABLE)
    except Unavailable:
        fail("the database is not reachable", UNAVAILABLE)
