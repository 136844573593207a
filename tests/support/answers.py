"""Answers as somebody compares them who looks for differences."""

from tests.support.service import Reply


def anonymous(reply: Reply) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body without what is drawn for each request."""
    headers = {name.lower(): value for name, value in reply.headers.items()}
    request_id = headers.pop("x-request-id")
    del headers["date"]
    return reply.status, headers, reply.raw.replace(request_id.encode(), b"-")
