"""Key wrapping by the transit engine of HashiCorp Vault, through hvac: the key-encryption key never leaves Vault."""

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import hvac
import requests
from hvac.exceptions import VaultError

from services.adapters.blocking import ANSWER_SECONDS, CONNECT_SECONDS, BlockingCalls
from services.adapters.key_file import KeyRefused
from services.application.ports import KeyUnavailable

_PREFIX: Final = b"vault:v"
_CONTEXT: Final = base64.b64encode(b"factorlog/data-key/1").decode()
# What a client, or an answer in a form that nobody expects, can end in.
_FAILURES: Final = (VaultError, OSError, LookupError, TypeError, ValueError)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransitKey:
    """Where the key is. The token stands in a file, so that it can be renewed without a restart."""

    address: str
    token_file: Path
    name: str
    mount: str
    namespace: str | None = None
    ca_file: Path | None = None


class VaultTransit:
    """Wrapped form: what transit gives, `vault:v3:…`; bound to its purpose by associated data."""

    def __init__(self, key: TransitKey) -> None:
        """Raises KeyRefused when a file is not good; Vault itself is asked later."""
        _read_token(key.token_file)
        if key.ca_file is not None and not key.ca_file.is_file():
            raise KeyRefused(f"the certificate file {key.ca_file} does not exist")
        self._key = key
        self._calls = BlockingCalls("vault")
        self._of_thread = threading.local()  # a requests session must not be shared

    async def wrap(self, key: bytes) -> bytes:
        return await self._calls.run(lambda: self._encrypt(key))

    async def unwrap(self, wrapped: bytes) -> bytes:
        if not wrapped.startswith(_PREFIX):
            raise KeyUnavailable("not wrapped by Vault")
        return await self._calls.run(lambda: self._decrypt(wrapped))

    def key_id(self, wrapped: bytes) -> str:
        """The key's version."""
        version = wrapped.removeprefix(_PREFIX).split(b":", 1)[0]
        return f"v{version.decode()}" if wrapped.startswith(_PREFIX) and version.isdigit() else "unknown"

    def close(self) -> None:
        self._calls.close()

    def _encrypt(self, key: bytes) -> bytes:
        with _translated():
            answer = self._transit().encrypt_data(
                name=self._key.name,
                plaintext=base64.b64encode(key).decode(),
                associated_data=_CONTEXT,
                mount_point=self._key.mount,
            )
            wrapped: bytes = answer["data"]["ciphertext"].encode()
        if not wrapped.startswith(_PREFIX):
            raise KeyUnavailable("Vault gave no ciphertext")
        return wrapped

    def _decrypt(self, wrapped: bytes) -> bytes:
        with _translated():
            answer = self._transit().decrypt_data(
                name=self._key.name,
                ciphertext=wrapped.decode("ascii"),
                associated_data=_CONTEXT,
                mount_point=self._key.mount,
            )
            return base64.b64decode(answer["data"]["plaintext"], validate=True)

    def _transit(self) -> Any:
        client = getattr(self._of_thread, "client", None)
        if client is None:
            client = self._of_thread.client = self._client()
        client.token = _read_token(self._key.token_file)
        return client.secrets.transit

    def _client(self) -> Any:
        session = requests.Session()
        session.trust_env = False  # settings are the only reader of the environment
        session.verify = str(self._key.ca_file) if self._key.ca_file else True
        return hvac.Client(
            url=self._key.address,
            token="",
            timeout=(CONNECT_SECONDS, ANSWER_SECONDS),
            # The token goes to the address that was set, and to no other.
            allow_redirects=False,
            session=session,
            namespace=self._key.namespace,
        )


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (KeyRefused, *_FAILURES) as error:
        raise KeyUnavailable(f"Vault: {type(error).__name__}") from error


def _read_token(path: Path) -> str:
    try:
        mode, token = path.stat().st_mode, path.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise KeyRefused(f"the token file {path} cannot be read") from error
    if mode & 0o077:
        raise KeyRefused(f"the token file {path} is readable by others; its mode must be 0600")
    if not token:
        raise KeyRefused(f"the token file {path} is empty")
    return token
