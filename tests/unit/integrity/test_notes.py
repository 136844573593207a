"""Signed notes, checkpoints, tile names and proofs as text: what is refused, and that writing and reading agree."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.integrity.checkpoint import Checkpoint, checkpoint_of, checkpoint_of_log, parse_body, unverified
from events.integrity.note import NoteRefused, VerifierKey, opened, sign, verifier_key
from events.integrity.proof import Proof, ProofRefused
from events.integrity.tiles import number_path, parse_number

SEED = bytes(range(32))
KEY = verifier_key("example.com/log", SEED)
CHECKPOINT = Checkpoint("example.com/log", 3, bytes(32))


def test_a_checkpoint_opens_with_its_key_and_says_what_was_signed() -> None:
    assert checkpoint_of(CHECKPOINT.signed(SEED), VerifierKey.parse(str(KEY))) == CHECKPOINT
    assert CHECKPOINT.signed(SEED) == CHECKPOINT.signed(SEED)
    assert unverified(CHECKPOINT.signed(SEED)) == CHECKPOINT


@given(st.integers(0, 10**6), st.integers(1, 255))
def test_no_changed_byte_of_a_note_opens_as_something_else(at: int, by: int) -> None:
    note = bytearray(CHECKPOINT.signed(SEED).encode())
    note[at % len(note)] ^= by
    try:
        assert checkpoint_of(note.decode(), KEY) == CHECKPOINT
    except (NoteRefused, UnicodeDecodeError):
        return


def test_another_key_of_the_same_name_is_refused() -> None:
    with pytest.raises(NoteRefused, match="not signed by this key"):
        opened(CHECKPOINT.signed(SEED), verifier_key("example.com/log", bytes(32)))


def test_a_key_signs_for_its_own_log_only() -> None:
    foreign = sign(CHECKPOINT.body, "example.com/other", SEED)
    with pytest.raises(NoteRefused, match="another log"):
        checkpoint_of(foreign, verifier_key("example.com/other", SEED))


def test_signatures_of_witnesses_are_passed_over() -> None:
    note = CHECKPOINT.signed(SEED)
    witness = sign(CHECKPOINT.body, "witness.example", bytes(32)).rpartition("\n\n")[2]
    assert checkpoint_of(note + witness, KEY) == CHECKPOINT


@pytest.mark.parametrize(
    "text", ["", "a\n1\n", "a\n01\n" + "A" * 43 + "=\n", "\n1\n" + "A" * 43 + "=\n", "a\n-1\nAA=\n"]
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NoteRefused):
        parse_body(text)


@pytest.mark.parametrize(
    "text", ["", "a+00000000+AQ==", "a b+12345678+AAAA", str(KEY)[:-4], str(KEY).replace("+", "+0", 1)]
)
def test_what_is_no_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(NoteRefused):
        VerifierKey.parse(text)


@pytest.mark.parametrize(
    ("index", "width", "path"),
    [(0, 256, "000"), (273, 112, "273.p/112"), (1_234_067, 256, "x001/x234/067"), (1000, 1, "x001/000.p/1")],
)
def test_tiles_are_named_as_in_the_specification(index: int, width: int, path: str) -> None:
    assert number_path(index, width) == path
    assert parse_number(path) == (index, width)


@pytest.mark.parametrize(
    "path",
    ["", "1", "0000", "x000/001", "001/002", "../000", "000.p/0", "000.p/256", "000.p/01", "x001", "0\u0660\u0660"],
)
def test_other_names_of_tiles_are_none(path: str) -> None:
    assert parse_number(path) is None


def test_a_proof_is_written_and_read() -> None:
    proof = Proof(7, (bytes(32), bytes([1]) * 32), CHECKPOINT.signed(SEED), b'{"position":8}')
    assert Proof.parse(str(proof)) == proof
    assert str(proof).startswith("c2sp.org/tlog-proof@v1\nextra ")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "c2sp.org/tlog-proof@v1\nindex 01\n\nx",
        "c2sp.org/tlog-proof@v1\n\n",
        "c2sp.org/tlog-proof@v1\nindex 1\nAA\n\nx",
    ],
)
def test_what_is_no_proof_is_refused(text: str) -> None:
    with pytest.raises(ProofRefused):
        Proof.parse(text)


COMPANY = "5d1c3c0a-8f0e-4f0b-9d3a-3f6f0c1d2e3f"


@pytest.mark.parametrize(
    ("origin", "name", "opens"),
    [
        (f"example.com/log/{COMPANY}", f"example.com/log/{COMPANY}", True),
        # A restored log goes on under a new origin; the key stays.
        (f"example.com/log/{COMPANY}/2", f"example.com/log/{COMPANY}", True),
        (f"example.com/log/{COMPANY}", f"example.com/log/{COMPANY}/3", True),
        (f"other.example/log/{COMPANY}/2", f"example.com/log/{COMPANY}", False),
        ("example.com/log/2", "example.com/log", False),
        (f"example.com/log/{COMPANY[:-1]}0", f"example.com/log/{COMPANY}", False),
    ],
)
def test_a_key_opens_all_origins_of_its_own_log_and_of_no_other(origin: str, name: str, opens: bool) -> None:
    note = Checkpoint(origin, 3, bytes(32)).signed(SEED)
    key = verifier_key(name, SEED)
    if opens:
        assert checkpoint_of_log(note, key).origin == origin
    else:
        with pytest.raises(NoteRefused):
            checkpoint_of_log(note, key)
