"""The codes of an authenticator app: RFC 6238 with SHA-1, 30 seconds and six digits, as Cognito accepts them.

https://datatracker.ietf.org/doc/html/rfc6238
"""

from __future__ import annotations

import base64
import hmac
import struct

STEP_SECONDS = 30
DIGITS = 6


def step(at_seconds: float) -> int:
    """Return the number of the half minute that contains a time (since 1970)."""
    return int(at_seconds // STEP_SECONDS)


def code(secret: str, number: int) -> str:
    """Return the code of a step.

    Parameters
    ----------
    secret
        In base32, as it is entered into an authenticator app.

    Examples
    --------
    >>> code("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", step(59))
    '287082'
    """
    key = base64.b32decode(secret + "=" * (-len(secret) % 8), casefold=True)
    digest = hmac.new(key, struct.pack(">Q", number), "sha1").digest()
    # https://datatracker.ietf.org/doc/html/rfc4226#section-5.3
    offset = digest[-1] & 0x0F
    (number,) = struct.unpack(">I", digest[offset : offset + 4])
    return f"{(number & 0x7FFF_FFFF) % 10**DIGITS:0{DIGITS}}"


def step_of(secret: str, entered: str, at_seconds: float, drift: int = 1) -> int | None:
    """Return the step whose code was entered, at most ``drift`` steps from a time; None if the code is not valid."""
    now = step(at_seconds)
    for number in range(now + drift, now - drift - 1, -1):
        if hmac.compare_digest(code(secret, number).encode(), entered.encode()):
            return number
    return None
