"""X-02: the parser that reads requests is aiohttp's C one, at a version with the fixes of January 2026."""

import subprocess
import sys

import aiohttp
from aiohttp import http_parser


def test_x02_requests_are_read_by_the_c_parser_of_a_mended_aiohttp() -> None:
    assert http_parser.HttpRequestParser.__module__ == "aiohttp._http_parser"
    assert tuple(int(part) for part in aiohttp.__version__.split(".")[:2]) >= (3, 14)


def test_x02_the_program_refuses_to_run_without_its_assertions() -> None:
    run = subprocess.run([sys.executable, "-O", "-m", "services", "users", "list"], capture_output=True, text=True)
    assert run.returncode == 2
    assert "-O" in run.stderr
