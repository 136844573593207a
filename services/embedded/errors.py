"""What can keep an embedded server from starting; every text says what to do."""


class EmbeddedError(Exception):
    """An embedded server cannot be started, or nothing is known about it yet."""


class DataDirInUse(EmbeddedError):
    """Another process runs servers on the same data directory."""
