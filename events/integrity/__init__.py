"""The verifiable log: trees, notes, proofs and their verifier, which an auditor runs without the rest."""
