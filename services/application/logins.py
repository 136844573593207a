"""Logins, addresses and passwords as people give them."""

import hmac
import ipaddress
import unicodedata
from pathlib import Path
from typing import Final

from services.application.errors import Unacceptable

MAX_LOGIN: Final = 64
MIN_PASSWORD: Final = 8
MAX_PASSWORD: Final = 1024


def login_key(login: str) -> str:
    """How logins are compared: Unicode NFKC, then case folding, then NFKC again."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", login).casefold())


def check_login(login: str) -> str:
    """The login, when it may be a new account's. Raises Unacceptable."""
    if not login or len(login) > MAX_LOGIN or len(login_key(login)) > 2 * MAX_LOGIN:
        raise Unacceptable("login", "length", f"must have 1 to {MAX_LOGIN} characters")
    if login != login.strip() or any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn") for c in login):
        raise Unacceptable("login", "characters", "must not have control, invisible or surrounding space characters")
    return login


def check_password(password: str, *own_words: str) -> str:
    """The password, when it may be set. Raises Unacceptable."""
    if len(password) < MIN_PASSWORD:
        raise Unacceptable("password", "too_short", f"must have at least {MIN_PASSWORD} characters")
    if len(password) > MAX_PASSWORD:
        raise Unacceptable("password", "too_long", f"must have at most {MAX_PASSWORD} characters")
    folded = login_key(password)
    if folded in COMMON or any(len(word) > 2 and folded == login_key(word) for word in own_words):
        raise Unacceptable("password", "too_common", "is one of the passwords that are tried first")
    return password


def limited_address(ip: str | None) -> str:
    """The unit that limits count: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        address = ipaddress.ip_address(ip or "")
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def keyed(pepper: bytes, *parts: str) -> bytes:
    """A keyed hash of an address, a login or both: the database alone does not tell them."""
    return hmac.digest(pepper, "\x00".join(parts).encode("utf-8", "surrogatepass"), "sha256")


# German and English, one a line, folded; what is tried first.
COMMON: Final = frozenset(Path(__file__).with_name("common_passwords.txt").read_text(encoding="utf-8").split())
