"""Promises of the security requirements, over HTTP; each test names the row that it decides."""
