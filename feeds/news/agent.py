"""Who we say we are: one named reader, the same for every publisher."""

from importlib.metadata import PackageNotFoundError, version

CONTACT_CHARS_MAX = 100
CONTACT = r"^[A-Za-z0-9@.:/_+~ -]*$"
"""What may stand in a header's comment (RFC 9110, 5.6.5) and needs no quoting."""


def user_agent(contact: str = "") -> str:
    """The User-Agent header; ``contact`` is a way to reach the user, "" for none."""
    try:
        number = version("fit-to-trade")
    except PackageNotFoundError:  # run from a source tree
        number = "0"
    return f"fit-to-trade/{number} (news reader{'; ' + contact if contact else ''})"
