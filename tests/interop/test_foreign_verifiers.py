"""Exported logs and proofs before judges that nobody here wrote: they accept what is sound and refuse what is not."""

import base64
import json
from pathlib import Path
from uuid import UUID

import pytest

from events.integrity.checkpoint import unverified
from events.integrity.proof import Proof
from events.integrity.tree import consistency_ranges, inclusion_ranges
from events.trees.growing import INSTALLATION
from services.adapters.trees import PostgresTrees
from tests.integrity.exporting import export_to, sealed_company
from tests.integrity.sample_logs import BAD, SAMPLES
from tests.interop.foreign import judged_by_aics, judged_by_go
from tests.support.service import Service

# What only our verifier looks at: what entries say of themselves. To the trees these samples are sound.
WELL_SIGNED = {"bad-time", "bad-version", "bad-company"}

pytestmark = [pytest.mark.xdist_group("foreign judges"), pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("go")


async def proof_file(service: Service, company: UUID, index: int, folder: Path) -> Path:
    trees = PostgresTrees(service.parts.pool)
    signed = await trees.newest(company)
    assert signed is not None
    hashes = await trees.hashes(company, inclusion_ranges(index, signed.size), signed.size)
    (entry,) = await trees.entries(company, index + 1, index + 1)
    path = folder / f"{index}.tlog-proof"
    path.write_text(str(Proof(index, tuple(hashes), signed.note, entry)))
    return path


def earlier_notes(log: Path) -> list[Path]:
    paths = []
    for number, line in enumerate((log / "checkpoints.jsonl").read_text().splitlines()):
        paths.append(log.parent / f"old-{number}.note")
        paths[-1].write_text(json.loads(line)["checkpoint"])
    return paths


async def test_go_accepts_a_log_with_its_proofs_and_its_growth(
    service: Service, tmp_path: Path, workshop: Path
) -> None:
    company = await sealed_company(service, 300)
    log = await export_to(service, company, tmp_path / "log")
    proofs = [await proof_file(service, company, index, tmp_path) for index in (0, 128, 255, 256, 299)]
    old = earlier_notes(log)
    assert len(old) >= 2
    judged = judged_by_go(workshop, log, log / "vkey", *old, *proofs)
    assert judged.sound, judged.said


async def test_go_accepts_the_log_of_checkpoints(service: Service, tmp_path: Path, workshop: Path) -> None:
    await sealed_company(service, 9)
    log = await export_to(service, INSTALLATION, tmp_path / "log")
    judged = judged_by_go(workshop, log, log / "vkey")
    assert judged.sound, judged.said


def test_go_judges_the_golden_samples(workshop: Path) -> None:
    judged = {name: judged_by_go(workshop, SAMPLES / name, SAMPLES / "vkey") for name in ("good", *BAD)}
    assert {name for name, one in judged.items() if one.sound} == {"good", *WELL_SIGNED}


async def test_go_refuses_a_changed_proof(service: Service, tmp_path: Path, workshop: Path) -> None:
    company = await sealed_company(service, 9)
    log = await export_to(service, company, tmp_path / "log")
    path = await proof_file(service, company, 4, tmp_path)
    proof = Proof.parse(path.read_text())
    path.write_text(str(Proof(5, proof.hashes, proof.checkpoint, proof.entry)))
    assert not judged_by_go(workshop, log, log / "vkey", path).sound


async def test_aics_tlog_accepts_checkpoint_entries_and_growth(service: Service, tmp_path: Path) -> None:
    company = await sealed_company(service, 300)
    log = await export_to(service, company, tmp_path / "log")
    vkey = tmp_path / "vkey"
    vkey.write_bytes((log / "vkey").read_bytes())
    key = ("--vkey-file", vkey, "--tiles", log)
    judged = judged_by_aics("verify-checkpoint", *key)
    assert judged.sound, judged.said
    trees = PostgresTrees(service.parts.pool)
    for index in (0, 255, 256, 299):
        (entry,) = await trees.entries(company, index + 1, index + 1)
        leaf = tmp_path / "leaf"
        leaf.write_bytes(entry)
        judged = judged_by_aics("verify-inclusion", *key, "--index", str(index), "--leaf", leaf)
        assert judged.sound, judged.said
        leaf.write_bytes(entry + b" ")
        assert not judged_by_aics("verify-inclusion", *key, "--index", str(index), "--leaf", leaf).sound


def test_aics_tlog_judges_the_golden_samples() -> None:
    judged = {}
    for name in ("good", "bad-checkpoint", "bad-tile", "bad-tail"):
        judged[name] = judged_by_aics(
            "verify-checkpoint", "--vkey-file", SAMPLES / "vkey", "--tiles", SAMPLES / name
        ).sound
    # A cut entry bundle is none of a checkpoint's business to it; tile and signature are.
    assert judged["good"]
    assert not judged["bad-checkpoint"]


async def test_aics_tlog_checks_a_consistency_proof_of_ours(service: Service, tmp_path: Path) -> None:
    company = await sealed_company(service, 30)
    log = await export_to(service, company, tmp_path / "log")
    trees = PostgresTrees(service.parts.pool)
    signed = await trees.newest(company)
    assert signed is not None
    old = unverified(json.loads((log / "checkpoints.jsonl").read_text().splitlines()[0])["checkpoint"])
    new = unverified(signed.note)
    hashes = await trees.hashes(company, consistency_ranges(old.size, new.size), new.size)
    (tmp_path / "proof").write_text("".join(base64.b64encode(one).decode() + "\n" for one in hashes))
    for root, expected in ((new.root, True), (bytes(32), False)):
        judged = judged_by_aics(
            "verify-consistency",
            f"--old-size={old.size}",
            f"--new-size={new.size}",
            f"--old-root={base64.b64encode(old.root).decode()}",
            f"--new-root={base64.b64encode(root).decode()}",
            "--proof",
            tmp_path / "proof",
        )
        assert judged.sound is expected, judged.said
