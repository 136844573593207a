"""What the clients of Vault and of AWS talk to in tests: HTTP servers on loopback, written from the API documents.

They are no proof that the real ones agree; docs/keys.md says so.
"""

import asyncio
import base64
import json
import os
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, assert_never

from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

REGION: Final = "eu-central-1"


class Mood(StrEnum):
    """How a server answers."""

    WELL = "well"
    SICK = "sick"  # 500
    CONFUSED = "confused"  # 200, in a form of nobody
    SILENT = "silent"  # not at all
    ELSEWHERE = "elsewhere"  # a redirect


@dataclass
class KeyServer:
    """The common part: a mood, and what was asked."""

    mood: Mood = Mood.WELL
    elsewhere: str = ""
    asked: list[str] = field(default_factory=list)
    _server: TestServer | None = None

    @property
    def url(self) -> str:
        assert self._server is not None
        return str(self._server.make_url("")).rstrip("/")

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._server = TestServer(app, host="127.0.0.1")
        await self._server.start_server()

    async def close(self) -> None:
        assert self._server is not None
        await self._server.close()

    async def _handle(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        match self.mood:
            case Mood.WELL:
                return self.answer(request, json.loads(await request.read() or b"{}"))
            case Mood.SICK:
                return web.json_response({"errors": ["sick"]}, status=500)
            case Mood.CONFUSED:
                return web.json_response({"data": None})
            case Mood.SILENT:
                await asyncio.sleep(60)
                return web.Response(status=204)
            case Mood.ELSEWHERE:
                raise web.HTTPTemporaryRedirect(self.elsewhere + request.path)
            case _:
                assert_never(self.mood)

    def answer(self, request: web.Request, body: dict[str, Any]) -> web.Response:
        raise NotImplementedError


@dataclass
class FakeVault(KeyServer):
    """Transit: encrypt, decrypt and rotate, with versions and associated data."""

    token: str = "hvs.a-token-of-the-tests"
    keys: dict[str, list[bytes]] = field(default_factory=dict)

    def answer(self, request: web.Request, body: dict[str, Any]) -> web.Response:
        if request.headers.get("X-Vault-Token") != self.token:
            return _errors(403, "permission denied")
        parts = request.path.split("/")
        if parts[:3] != ["", "v1", "transit"] or request.method not in ("POST", "PUT"):
            return _errors(404, "no handler for route")
        match parts[3:]:
            case ["keys", name]:
                self.keys.setdefault(name, [os.urandom(32)])
                return web.Response(status=204)
            case ["keys", name, "rotate"] if name in self.keys:
                self.keys[name].append(os.urandom(32))
                return web.Response(status=204)
            case ["encrypt", name] if name in self.keys:
                return self._encrypt(self.keys[name], body)
            case ["decrypt", name] if name in self.keys:
                return self._decrypt(self.keys[name], body)
        return _errors(400, "encryption key not found")

    def _encrypt(self, versions: list[bytes], body: dict[str, Any]) -> web.Response:
        nonce, context = os.urandom(12), _raw(body.get("associated_data", ""))
        sealed = nonce + AESGCM(versions[-1]).encrypt(nonce, _raw(body["plaintext"]), context)
        data = {"ciphertext": f"vault:v{len(versions)}:{_text(sealed)}", "key_version": len(versions)}
        return web.json_response({"request_id": "1", "lease_id": "", "data": data})

    def _decrypt(self, versions: list[bytes], body: dict[str, Any]) -> web.Response:
        try:
            _, version, text = body["ciphertext"].split(":")
            sealed, key = _raw(text), versions[int(version.removeprefix("v")) - 1]
            plaintext = AESGCM(key).decrypt(sealed[:12], sealed[12:], _raw(body.get("associated_data", "")))
        except (InvalidTag, ValueError, IndexError):
            return _errors(400, "cipher: message authentication failed")
        return web.json_response({"request_id": "1", "lease_id": "", "data": {"plaintext": _text(plaintext)}})


@dataclass
class FakeKms(KeyServer):
    """KMS: Encrypt and Decrypt of the JSON protocol, with an encryption context; signatures are not checked."""

    keys: dict[str, bytes] = field(default_factory=dict)

    def new_key(self) -> str:
        """Its ARN."""
        arn = f"arn:aws:kms:{REGION}:111122223333:key/{os.urandom(4).hex()}-2222-3333-4444-555566667777"
        self.keys[arn] = os.urandom(32)
        return arn

    def answer(self, request: web.Request, body: dict[str, Any]) -> web.Response:
        if f"/{REGION}/kms/aws4_request" not in request.headers.get("Authorization", ""):
            return _refusal("MissingAuthenticationTokenException")
        arn = body["KeyId"]
        if arn not in self.keys:
            return _refusal("NotFoundException")
        context = json.dumps(body.get("EncryptionContext", {}), sort_keys=True).encode()
        if request.headers["X-Amz-Target"] == "TrentService.Encrypt":
            nonce = os.urandom(12)
            sealed = nonce + AESGCM(self.keys[arn]).encrypt(nonce, _raw(body["Plaintext"]), context)
            return _amazon({"CiphertextBlob": _text(sealed), "KeyId": arn})
        sealed = _raw(body["CiphertextBlob"])
        try:
            plaintext = AESGCM(self.keys[arn]).decrypt(sealed[:12], sealed[12:], context)
        except (InvalidTag, ValueError):
            return _refusal("InvalidCiphertextException")
        return _amazon({"Plaintext": _text(plaintext), "KeyId": arn})


def _errors(status: int, *texts: str) -> web.Response:
    return web.json_response({"errors": list(texts)}, status=status)


def _amazon(body: dict[str, Any], status: int = 200) -> web.Response:
    return web.Response(body=json.dumps(body).encode(), status=status, content_type="application/x-amz-json-1.1")


def _refusal(kind: str) -> web.Response:
    return _amazon({"__type": kind, "message": "refused"}, 400)


def _raw(text: str) -> bytes:
    return base64.b64decode(text)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
