"""Networks have one spelling each, and an address lies inside or it does not."""

import pytest

from events.networks import canonical, contains


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("192.0.2.7", "192.0.2.7/32"),
        ("192.0.2.0/255.255.255.0", "192.0.2.0/24"),
        ("192.0.2.0/024", "192.0.2.0/24"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("2001:0db8:0000::0001", "2001:db8::1/128"),
        ("::/0", "::/0"),
        # What a dual-stack socket says of IPv4 is IPv4.
        ("::ffff:192.0.2.7", "192.0.2.7/32"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ("::FFFF:C000:0200/120", "192.0.2.0/24"),
        ("::ffff:0:0/96", "0.0.0.0/0"),
    ],
)
def test_a_network_has_one_spelling(given: str, kept: str) -> None:
    assert canonical(given) == kept
    assert canonical(kept) == kept


@pytest.mark.parametrize(
    "given",
    [
        "",
        " ",
        "/",
        "office",
        "192.0.2",
        "192.0.2.1/24",  # bits behind the prefix
        "2001:db8::1/64",
        "::ffff:192.0.2.1/120",
        "192.0.2.0/33",
        "2001:db8::/129",
        "192.0.2.0/-1",
        "192.0.2.0/24 ",
        " 192.0.2.0/24",
        "192.0.2.0/24\n",
        "192.0.2.0/",
        "192.0.2.0/24/24",
        "192.0.2.0,192.0.2.1",
        "010.0.0.1",
        "3221225984",
        "0xc0000200",
        "１９２.0.2.0/24",
        # A zone is a matter of the host that sees it; and it may hold anything, a comma too.
        "fe80::1%eth0",
        "fe80::1%a,b",
        "fe80::%1/64",
    ],
)
def test_anything_else_is_no_network(given: str) -> None:
    assert canonical(given) is None


@pytest.mark.parametrize(
    ("network", "address", "inside"),
    [
        ("192.0.2.0/24", "192.0.2.0", True),
        ("192.0.2.0/24", "192.0.2.255", True),
        ("192.0.2.0/24", "192.0.3.0", False),
        ("192.0.2.0/24", "::ffff:192.0.2.7", True),
        ("::ffff:192.0.2.0/120", "192.0.2.7", True),
        ("::ffff:192.0.2.0/120", "::ffff:192.0.2.7", True),
        ("::ffff:192.0.2.7", "192.0.2.7", True),
        ("2001:db8:1::/48", "2001:db8:1:ffff::1", True),
        ("2001:db8:1::/48", "2001:db8:2::1", False),
        ("0.0.0.0/0", "203.0.113.9", True),
        ("0.0.0.0/0", "2001:db8::1", False),
        ("::/0", "192.0.2.7", False),
        ("::/0", "not an address", False),
        ("0.0.0.0/0", "", False),
        ("0.0.0.0/0", None, False),
    ],
)
def test_an_address_lies_inside_or_it_does_not(network: str, address: str | None, inside: bool) -> None:
    kept = canonical(network)
    assert kept is not None
    assert contains([kept], address) is inside
    assert contains(["198.51.100.1/32", kept], address) is inside


def test_nothing_lies_in_no_network() -> None:
    assert not contains([], "192.0.2.7")
