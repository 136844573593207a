"""How a company's checkpoint stands in the installation's log: without telling strangers whose it is."""

from base64 import b64encode
from hashlib import sha256

from events.integrity.checkpoint import Checkpoint


def blinded_origin(origin: str, blind: bytes) -> str:
    """Whoever knows the origin and its 32 random bytes finds its checkpoints; nobody else can tell two companies apart
    by name."""
    return sha256(blind + origin.encode()).hexdigest()


def blinded_entry(checkpoint: Checkpoint, blind: bytes) -> bytes:
    """The body of the checkpoint with its origin blinded."""
    root = b64encode(checkpoint.root).decode()
    return f"{blinded_origin(checkpoint.origin, blind)}\n{checkpoint.size}\n{root}\n".encode()
