"""Who asked to be forgotten. The database knows salted hashes of the names alone, so that it does not name them."""

from __future__ import annotations

from hashlib import blake2b

from modassist.records.fields import clean
from modassist.store.database import Database
from modassist.store.scrub import scrub


class Forgotten:
    """The people to be forgotten, as the database knew them when this was made."""

    def __init__(self, db: Database) -> None:
        self._salt = bytes(db.value("SELECT value FROM settings WHERE key = 'name_salt'"))
        self._hashes = {bytes(row[0]) for row in db.rows("SELECT name_hash FROM forgotten")}

    def __contains__(self, username: str) -> bool:
        return bool(self._hashes) and self.hash_of(username) in self._hashes

    def hash_of(self, username: str) -> bytes:
        return blake2b(clean(username).strip().casefold().encode(), key=self._salt, digest_size=16).digest()

    def without_traces(self, text: str | None) -> str | None:
        """A post's text without quotes and mentions of these people."""
        return scrub(text, self.__contains__) if text and self._hashes else text
