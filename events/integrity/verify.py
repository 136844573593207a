"""Verifying whatever is handed over: an exported log, a report, or one proof."""

from pathlib import Path

from events.integrity.checkpoint import Checkpoint, checkpoint_of_log, company_of
from events.integrity.directory import Progress, Unreadable, verify_directory
from events.integrity.entries import parsed
from events.integrity.findings import Verdict
from events.integrity.note import NoteRefused, VerifierKey
from events.integrity.proof import Proof, ProofRefused, root_of_inclusion
from events.integrity.report import verify_report
from events.integrity.tree import leaf_hash

_OWN_KEY = "checked with the key that came along: compare it with the one that you were given another way"


def verify(path: Path, key: VerifierKey | None, log: Path | None, progress: Progress) -> Verdict:
    """`log`: with a report, the exported log that it has to be complete against. Raises Unreadable."""
    verdict = verify_directory(path, key, progress) if path.is_dir() else _verify_file(path, key, log, progress)
    if key is None:
        verdict.notes.append(_OWN_KEY)
    return verdict


def read_key(path: Path) -> VerifierKey:
    """Raises Unreadable."""
    try:
        return VerifierKey.parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, NoteRefused) as error:
        raise Unreadable(f"{path} holds no verifier key") from error


def _verify_file(path: Path, key: VerifierKey | None, log: Path | None, progress: Progress) -> Verdict:
    try:
        text = path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(f"{path} cannot be read as text") from error
    if text.startswith("c2sp.org/tlog-proof"):
        return _verify_proof(text, key)
    if log is None:
        verdict = verify_report(text, key)
        verdict.notes.append("with --log and the exported log it is also seen that no entry is left out")
        return verdict
    whole = verify_directory(log, key, progress)
    if not whole.is_sound:
        return whole
    return verify_report(text, key, (log, whole.size))


def _verify_proof(text: str, key: VerifierKey | None) -> Verdict:
    verdict = Verdict(what="proof")
    if key is None:
        raise Unreadable("a proof carries no key: name it with --vkey")
    try:
        proof = Proof.parse(text)
        checkpoint = checkpoint_of_log(proof.checkpoint, key)
    except (ProofRefused, NoteRefused) as error:
        verdict.add("the proof is refused", detail=str(error))
        return verdict
    verdict.origin, verdict.size, verdict.root, verdict.entries = checkpoint.origin, checkpoint.size, checkpoint.root, 1
    _demand_inclusion(proof, checkpoint, verdict)
    return verdict


def _demand_inclusion(proof: Proof, checkpoint: Checkpoint, verdict: Verdict) -> None:
    position = proof.index + 1
    try:
        root = root_of_inclusion(leaf_hash(proof.entry), proof.index, checkpoint.size, proof.hashes)
    except ProofRefused as error:
        verdict.add("the proof is refused", position, str(error))
        return
    if root != checkpoint.root:
        verdict.add("the entry is not the one that was signed", position)
    said = parsed(proof.entry)
    company = company_of(checkpoint.origin)
    if company is not None and (said is None or said.get("position") != position or said.get("company_id") != company):
        verdict.add("the entry says that it stands elsewhere", position)
