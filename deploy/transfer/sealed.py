"""Secrets in an archive: under a passphrase (scrypt, Fernet), bound to the very entries that they were exported with.

So who knows the passphrase also knows, by opening them, that nobody has changed the rest.
"""

import base64
import os

import msgspec
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from shared.errors import BadInput

SALT_BYTES = 16
COST, BLOCK, PARALLEL = 2**15, 8, 1
"""RFC 7914; 32 MB and some 100 ms a guess."""
SHORTEST = 8


class Secrets(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant's secrets in clear; `entries` are the SHA-256 of the archive's other entries, by name."""

    host: str
    api_key: str
    webhook_secrets: list[str]
    entries: dict[str, str]


def seal(secrets: Secrets, passphrase: str) -> bytes:
    """Salt and ciphertext.

    Raises:
        BadInput: the passphrase is too short.
    """
    if len(passphrase) < SHORTEST:
        raise BadInput(f"A passphrase has {SHORTEST} characters or more")
    salt = os.urandom(SALT_BYTES)
    return salt + _cipher(passphrase, salt).encrypt(msgspec.json.encode(secrets))


def unseal(sealed: bytes, passphrase: str) -> Secrets:
    """The secrets.

    Raises:
        BadInput: another passphrase, or the archive was changed.
    """
    try:
        plain = _cipher(passphrase, sealed[:SALT_BYTES]).decrypt(sealed[SALT_BYTES:])
    except InvalidToken as error:
        raise BadInput("The passphrase is not the one of the export: nothing was imported") from error
    return msgspec.json.decode(plain, type=Secrets)


def _cipher(passphrase: str, salt: bytes) -> Fernet:
    key = Scrypt(salt=salt, length=32, n=COST, r=BLOCK, p=PARALLEL).derive(passphrase.encode())
    return Fernet(base64.urlsafe_b64encode(key))
