"""Key wrapping by AWS KMS, through boto3: the key-encryption key never leaves KMS."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from services.adapters.blocking import ANSWER_SECONDS, CONNECT_SECONDS, THREADS, BlockingCalls
from services.adapters.key_file import KeyRefused
from services.application.ports import KeyUnavailable

_PREFIX: Final = b"aws-kms"
_CONTEXT: Final = {"factorlog": "data-key/1"}
_FAILURES: Final = (BotoCoreError, ClientError, LookupError, TypeError, ValueError)


@dataclass(frozen=True, slots=True, kw_only=True)
class KmsKeys:
    """The key that wraps, and older ones of the same region that may still unwrap, by ARN.

    Without an access key the SDK looks for the role of the machine or container.
    """

    current: str
    older: tuple[str, ...] = ()
    endpoint: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)


class AwsKms:
    """Wrapped form: `aws-kms`, the key's ARN and the ciphertext, with a NUL between; bound by encryption context."""

    def __init__(self, keys: KmsKeys) -> None:
        """Raises KeyRefused when the SDK cannot work with this; KMS itself is asked later."""
        self._keys = keys
        self._client = _client(keys)  # may be shared by threads
        self._calls = BlockingCalls("kms")

    async def wrap(self, key: bytes) -> bytes:
        return await self._calls.run(lambda: self._encrypt(key))

    async def unwrap(self, wrapped: bytes) -> bytes:
        prefix, arn, sealed = _parts(wrapped)
        # Who writes the database must not choose the key.
        if prefix != _PREFIX or arn not in (self._keys.current, *self._keys.older):
            raise KeyUnavailable("wrapped under another key")
        return await self._calls.run(lambda: self._decrypt(arn, sealed))

    def key_id(self, wrapped: bytes) -> str:
        prefix, arn, _ = _parts(wrapped)
        return arn.rpartition("/")[2] if prefix == _PREFIX else "unknown"

    def close(self) -> None:
        self._calls.close()
        self._client.close()

    def _encrypt(self, key: bytes) -> bytes:
        arn = self._keys.current
        with _translated():
            answer = self._client.encrypt(KeyId=arn, Plaintext=key, EncryptionContext=_CONTEXT)
            return b"\0".join((_PREFIX, arn.encode(), answer["CiphertextBlob"]))

    def _decrypt(self, arn: str, sealed: bytes) -> bytes:
        with _translated():
            answer = self._client.decrypt(KeyId=arn, CiphertextBlob=sealed, EncryptionContext=_CONTEXT)
            key: bytes = answer["Plaintext"]
            return key


def _client(keys: KmsKeys) -> Any:
    settings = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=ANSWER_SECONDS,
        retries={"mode": "standard", "total_max_attempts": 2},
        max_pool_connections=THREADS,
    )
    try:
        return boto3.session.Session(
            aws_access_key_id=keys.access_key_id, aws_secret_access_key=keys.secret_access_key
        ).client("kms", region_name=keys.current.split(":")[3], endpoint_url=keys.endpoint, config=settings)
    except (BotoCoreError, ValueError) as error:
        raise KeyRefused(f"the AWS SDK cannot be used like this: {type(error).__name__}") from error


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except _FAILURES as error:
        raise KeyUnavailable(f"KMS: {type(error).__name__}") from error


def _parts(wrapped: bytes) -> tuple[bytes, str, bytes]:
    """(prefix, ARN, ciphertext)."""
    prefix, _, rest = wrapped.partition(b"\0")
    arn, _, sealed = rest.partition(b"\0")
    return prefix, arn.decode("ascii", "replace"), sealed
