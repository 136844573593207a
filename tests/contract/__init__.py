"""Promises of ports and formats, held by every implementation."""
