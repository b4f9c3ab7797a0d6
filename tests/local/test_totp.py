"""Codes of RFC 6238."""

import base64

import pytest

from local import totp

SECRET = base64.b32encode(b"12345678901234567890").decode()


# The last six of the eight digits in https://datatracker.ietf.org/doc/html/rfc6238#appendix-B.
@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        *((59, "287082"), (1111111109, "081804"), (1111111111, "050471")),
        *((1234567890, "005924"), (2000000000, "279037"), (20000000000, "353130")),
    ],
)
def test_codes_are_those_of_the_standard(seconds, code):
    assert totp.code(SECRET, totp.step(seconds)) == code


@pytest.mark.parametrize(("offset", "step"), [(-2, None), (-1, 99), (0, 100), (1, 101), (2, None)])
def test_code_of_this_step_or_a_neighbour_is_found(offset, step):
    assert totp.step_of(SECRET, totp.code(SECRET, 100 + offset), 100 * totp.STEP_SECONDS) == step


def test_invalid_code_has_no_step_and_a_secret_without_padding_the_same_codes():
    assert [totp.step_of(SECRET, entered, 3000) for entered in ("", "12345", "abcdef", "１２３４５６")] == [None] * 4
    padded = base64.b32encode(b"123456").decode()
    assert totp.code(padded.rstrip("="), 7) == totp.code(padded, 7)
