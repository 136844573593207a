"""The event log: one port, two implementations."""
