"""What every key wrapper promises: the key file, Vault's transit engine and AWS KMS, the last two on stand-ins."""

import asyncio
import base64
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import requests

from services.adapters.key_file import KeyRefused
from services.application.ports import KeyUnavailable, KeyWrapper
from tests.contract.wrappers import AwsKeys, FileKeys, Keys, RemoteKeys, VaultKeys, aws_keys, vault_keys
from tests.support.dump import forms_of, has_any
from tests.support.key_services import FakeVault, Mood


@pytest_asyncio.fixture(params=["file", "vault", "aws"])
async def keys(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Keys]:
    match request.param:
        case "file":
            yield FileKeys(tmp_path)
        case "vault":
            async with vault_keys(tmp_path) as vault:
                yield vault
        case _:
            async with aws_keys() as aws:
                yield aws


@pytest_asyncio.fixture(params=["vault", "aws"])
async def remote(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RemoteKeys]:
    if request.param == "vault":
        async with vault_keys(tmp_path) as vault:
            yield vault
    else:
        async with aws_keys() as aws:
            yield aws


@pytest_asyncio.fixture
async def vault(tmp_path: Path) -> AsyncIterator[VaultKeys]:
    async with vault_keys(tmp_path) as made:
        yield made


@pytest_asyncio.fixture
async def aws() -> AsyncIterator[AwsKeys]:
    async with aws_keys() as made:
        yield made


async def told(wrapper: KeyWrapper, wrapped: bytes) -> str:
    """Everything that the refusal to unwrap says, causes included."""
    with pytest.raises(KeyUnavailable) as caught:
        await wrapper.unwrap(wrapped)
    return all_of(caught.value)


def all_of(error: BaseException | None) -> str:
    texts = []
    while error is not None:
        texts += [str(error), repr(error)]
        error = error.__cause__ or error.__context__
    return "\n".join(texts)


def says(text: str, secret: bytes) -> bool:
    return has_any(text.encode(), forms_of(secret))


async def test_what_was_wrapped_is_unwrapped_by_every_process(keys: Keys) -> None:
    key = os.urandom(32)
    wrapped = await keys.wrapper().wrap(key)
    assert await keys.wrapper().unwrap(wrapped) == key
    assert not has_any(wrapped, forms_of(key))


async def test_wrapping_twice_gives_two_forms(keys: Keys) -> None:
    wrapper, key = keys.wrapper(), os.urandom(32)
    forms = {await wrapper.wrap(key) for _ in range(20)}
    assert len(forms) == 20


async def test_a_form_that_was_changed_anywhere_does_not_open(keys: Keys) -> None:
    wrapper, key = keys.wrapper(), os.urandom(32)
    wrapped = await wrapper.wrap(key)
    changed = [wrapped[:n] + bytes([wrapped[n] ^ 2]) + wrapped[n + 1 :] for n in range(0, len(wrapped), 5)]
    for form in [*changed, wrapped[:-1], wrapped[: len(wrapped) // 2], b"", b"\0" * 64, b"vault:v1:", b"aws-kms\0\0"]:
        text = await told(wrapper, form)
        assert not says(text, key)
        assert isinstance(wrapper.key_id(form), str)
    assert await wrapper.unwrap(wrapped) == key


async def test_a_form_of_another_installation_does_not_open(keys: Keys) -> None:
    key = os.urandom(32)
    foreign = await keys.stranger().wrap(key)
    assert not says(await told(keys.wrapper(), foreign), key)


async def test_after_a_renewal_older_forms_open_and_say_that_they_are_older(keys: Keys) -> None:
    key = os.urandom(32)
    before = await keys.wrapper().wrap(key)
    await keys.renew()
    wrapper = keys.wrapper()
    after = await wrapper.wrap(key)
    assert [await wrapper.unwrap(form) for form in (before, after)] == [key, key]
    assert wrapper.key_id(before) != wrapper.key_id(after)
    assert wrapper.key_id(await wrapper.wrap(os.urandom(32))) == wrapper.key_id(after)


async def test_many_at_once_do_not_mix(keys: Keys) -> None:
    wrapper, several = keys.wrapper(), [os.urandom(32) for _ in range(100)]
    forms = await asyncio.gather(*map(wrapper.wrap, several))
    assert await asyncio.gather(*map(wrapper.unwrap, forms)) == several


async def test_a_wrapper_shows_no_key(keys: Keys, tmp_path: Path) -> None:
    shown = repr(keys.wrapper())
    for file in tmp_path.iterdir():
        assert not any(line in shown for line in file.read_text().split())
    assert "an access key" not in shown


# Servers that are away or unwell.


async def test_a_server_that_is_away_leaves_nothing_unwrapped(remote: RemoteKeys) -> None:
    wrapper, key = remote.wrapper(), os.urandom(32)
    wrapped = await wrapper.wrap(key)
    await remote.server.close()
    assert not says(await told(wrapper, wrapped), key)
    with pytest.raises(KeyUnavailable) as caught:
        await wrapper.wrap(key)
    assert not says(all_of(caught.value), key)


@pytest.mark.parametrize("mood", [Mood.SICK, Mood.CONFUSED, Mood.SILENT])
async def test_a_server_that_is_unwell_is_one_that_is_away(remote: RemoteKeys, mood: Mood) -> None:
    wrapper, key = remote.wrapper(), os.urandom(32)
    wrapped = await wrapper.wrap(key)
    remote.server.mood = mood
    refused = await asyncio.gather(wrapper.wrap(key), wrapper.unwrap(wrapped), return_exceptions=True)
    assert [type(error) for error in refused] == [KeyUnavailable] * 2
    assert not any(says(all_of(error), key) for error in refused if isinstance(error, BaseException))
    remote.server.mood = Mood.WELL
    assert await wrapper.unwrap(wrapped) == key


# What is Vault's own.


async def test_the_token_goes_to_the_address_that_was_set_and_to_no_other(vault: VaultKeys) -> None:
    other = FakeVault()
    await other.start()
    wrapper = vault.wrapper()
    vault.server.mood, vault.server.elsewhere = Mood.ELSEWHERE, other.url
    with pytest.raises(KeyUnavailable):
        await wrapper.wrap(os.urandom(32))
    await other.close()
    assert other.asked == []


async def test_a_renewed_token_is_used_without_a_restart(vault: VaultKeys) -> None:
    wrapper, key = vault.wrapper(), os.urandom(32)
    wrapped = await wrapper.wrap(key)
    vault.server.token = "hvs.another"
    text = await told(wrapper, wrapped)
    assert "hvs." not in text
    vault.token_file.write_text("hvs.another")
    assert await wrapper.unwrap(wrapped) == key
    vault.token_file.unlink()
    await told(wrapper, wrapped)


@pytest.mark.parametrize(("text", "mode"), [("", 0o600), ("hvs.token", 0o644), ("hvs.token", 0o640), ("tökén", 0o600)])
async def test_a_bad_token_file_is_a_reason_not_to_start(vault: VaultKeys, text: str, mode: int) -> None:
    vault.token_file.write_text(text, encoding="utf-8")
    vault.token_file.chmod(mode)
    with pytest.raises(KeyRefused) as refused:
        vault.wrapper()
    assert not text or text not in str(refused.value)


async def test_a_form_made_for_something_else_in_vault_does_not_open(vault: VaultKeys) -> None:
    wrapper = vault.wrapper()
    answer = await asyncio.to_thread(
        requests.post,
        f"{vault.server.url}/v1/transit/encrypt/factorlog",
        json={"plaintext": base64.b64encode(os.urandom(32)).decode()},
        headers={"X-Vault-Token": vault.server.token},
        timeout=5,
    )
    await told(wrapper, answer.json()["data"]["ciphertext"].encode())


# What is KMS's own.


async def test_the_database_does_not_choose_the_key(aws: AwsKeys) -> None:
    foreign = await aws.stranger().wrap(os.urandom(32))
    asked = len(aws.server.asked)
    await told(aws.wrapper(), foreign)
    assert len(aws.server.asked) == asked
