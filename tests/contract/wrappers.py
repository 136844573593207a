"""The three ways of keeping key-encryption keys behind one face, for one suite."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from services.adapters.aws_kms import AwsKms, KmsKeys
from services.adapters.key_file import create_key_file
from services.adapters.key_wrapper import LocalKeyWrapper
from services.adapters.vault_transit import TransitKey, VaultTransit
from services.application.ports import KeyWrapper
from tests.support.key_services import FakeKms, FakeVault, KeyServer

W = TypeVar("W", bound=KeyWrapper)


class Keys(Protocol):
    """Where the keys of one installation are."""

    def wrapper(self) -> KeyWrapper:
        """What one more process of the installation has."""
        ...

    def stranger(self) -> KeyWrapper:
        """What another installation in the same place has."""
        ...

    async def renew(self) -> None:
        """A newer key is current from now on; the older one still unwraps."""
        ...


class RemoteKeys(Keys, Protocol):
    """Kept by a server, which may be away or unwell."""

    @property
    def server(self) -> KeyServer: ...


@dataclass
class FileKeys:
    folder: Path

    def wrapper(self) -> LocalKeyWrapper:
        return self._of("key")

    def stranger(self) -> LocalKeyWrapper:
        return self._of("other")

    async def renew(self) -> None:
        self.wrapper().add()

    def _of(self, name: str) -> LocalKeyWrapper:
        create_key_file(self.folder / name, os.urandom)
        return LocalKeyWrapper(self.folder / name, os.urandom)


@dataclass
class VaultKeys:
    server: FakeVault
    token_file: Path
    open: AsyncExitStack

    def wrapper(self) -> VaultTransit:
        return self.of("factorlog")

    def stranger(self) -> VaultTransit:
        return self.of("other")

    async def renew(self) -> None:
        self.server.keys["factorlog"].append(os.urandom(32))

    def of(self, name: str) -> VaultTransit:
        self.server.keys.setdefault(name, [os.urandom(32)])
        key = TransitKey(address=self.server.url, token_file=self.token_file, name=name, mount="transit")
        return _closed_by(self.open, lambda: VaultTransit(key))


@dataclass
class AwsKeys:
    server: FakeKms
    open: AsyncExitStack
    arns: list[str] = field(default_factory=list)

    def wrapper(self) -> AwsKms:
        return self._of(*self.arns)

    def stranger(self) -> AwsKms:
        return self._of(self.server.new_key())

    async def renew(self) -> None:
        self.arns.insert(0, self.server.new_key())

    def _of(self, *arns: str) -> AwsKms:
        keys = KmsKeys(
            current=arns[0],
            older=arns[1:],
            endpoint=self.server.url,
            access_key_id="AKIAEXAMPLE",
            secret_access_key="an access key of the tests",
        )
        return _closed_by(self.open, lambda: AwsKms(keys))


def _closed_by(stack: AsyncExitStack, make: Callable[[], W]) -> W:
    made = make()
    stack.callback(made.close)
    return made


@asynccontextmanager
async def vault_keys(folder: Path) -> AsyncIterator[VaultKeys]:
    server, token_file = FakeVault(), folder / "token"
    token_file.write_text(server.token + "\n")
    token_file.chmod(0o600)
    async with AsyncExitStack() as stack:
        await server.start()
        stack.push_async_callback(server.close)
        yield VaultKeys(server, token_file, stack)


@asynccontextmanager
async def aws_keys() -> AsyncIterator[AwsKeys]:
    server = FakeKms()
    async with AsyncExitStack() as stack:
        await server.start()
        stack.push_async_callback(server.close)
        yield AwsKeys(server, stack, [server.new_key()])
