"""What every channel can do. Each looks at its target before it writes, and says why it refuses."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from modassist.alerts.layouts import Layout, Message


class Channel(Protocol):
    """A place where staff reads alerts.

    `name` is stored with each message and never changes; `kind` is what the settings set a severity for; `target` says
    where exactly messages go now; `can_be_asked` whether the channel can be searched for a message.
    """

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def layout(self) -> Layout: ...
    @property
    def target(self) -> str: ...
    @property
    def can_be_asked(self) -> bool: ...

    def check(self) -> str:
        """Prove that only staff can read there, and say what was seen. Raises AlertRefused where that is not proved,
        ForumUnavailable where it cannot be seen now."""
        ...

    def deliver(self, message: Message) -> str:
        """Check, write, check what was written; returns the place. Raises AlertRefused (surely not written),
        ForumUnavailable (not written, may work later), AlertUnclear (nobody knows)."""
        ...

    def find(self, reference: str, target: str, since: datetime) -> str | None:
        """The place of a message with this reference that was sent to `target` not before `since`; None where there
        surely is none. Raises ForumError where it cannot be seen; AlertUnclear where channels of this kind cannot
        be asked."""
        ...
