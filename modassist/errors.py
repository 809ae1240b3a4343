"""Every error that modassist raises on purpose.

ModassistError
├── ConfigError      settings: a file, a variable or a flag
├── RuleError        rule packs (path, line)
├── RecordError      a thread record that cannot be read (source, place in it)
├── ForumError       the forum
│   ├── ForumUnavailable   may be tried again
│   │   └── RateLimited    says how long to wait
│   │       └── BudgetSpent    nobody but ourselves asks to wait
│   └── ForumRefused       will be refused again: permissions, walls, wrong address
│       ├── PageRefused    only this one address: a deleted topic, a hidden group
│       └── MembersOnly    the forum shows nothing to those who are not logged in
├── AlertError       alerts to staff
│   ├── AlertRefused   not sent: the target is not proved to be staff's alone, or it does not take the message
│   ├── AlertUnclear   sent, and nobody said whether it arrived
│   └── AlertMisplaced it arrived, but elsewhere, or others can read it: a person must look now
├── StoreError       the database
│   ├── StoreBusy    another program is writing
│   └── DiskFull     there is no room left
├── ClockWrong       this machine's clock
└── ModelError       a model file
"""

from __future__ import annotations


class ModassistError(Exception):
    """Something went wrong that a person can mend. The message names the thing and the value; `hint` the way out."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class ConfigError(ModassistError):
    """A setting is unknown, of the wrong type or out of range."""


class RuleError(ModassistError):
    """A rule pack is unsound. `faults` are lines of `path:line: id: what is wrong, what to write instead`."""

    def __init__(self, message: str, hint: str = "", faults: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint)
        self.faults = faults


class RecordError(ModassistError):
    """A thread record cannot be read; the message begins with its source and place."""


class ForumError(ModassistError):
    """The forum did not give what was asked for."""


class ForumUnavailable(ForumError):
    """A passing fault: connection, time-out, 5xx, read-only mode. The same request may work later."""


class RateLimited(ForumUnavailable):
    """The forum asks to wait; `wait_seconds` is what it said, uncapped."""

    def __init__(self, message: str, hint: str = "", wait_seconds: float = 0.0) -> None:
        super().__init__(message, hint)
        self.wait_seconds = wait_seconds


class BudgetSpent(RateLimited):
    """The requests that a run may send are used up: nothing is wrong, the next run continues."""


class ForumRefused(ForumError):
    """A lasting no: missing rights, a bot wall, an address that is not a Discourse forum. `status` is HTTP's."""

    def __init__(self, message: str, hint: str = "", status: int = 0) -> None:
        super().__init__(message, hint)
        self.status = status


class PageRefused(ForumRefused):
    """One address is refused or its answer unusable, while the forum itself answers: others may work."""


class MembersOnly(ForumRefused):
    """Nobody is let in without an account: a login page, or Discourse's own `not_logged_in`."""


class AlertError(ModassistError):
    """An alert did not reach its channel, or nobody knows whether it did."""


class AlertRefused(AlertError):
    """Nothing was sent. `is_final` where trying again cannot help before a person has changed something."""

    def __init__(self, message: str, hint: str = "", *, is_final: bool = False) -> None:
        super().__init__(message, hint)
        self.is_final = is_final


class AlertUnclear(AlertError):
    """The message left us, and no answer says whether it arrived. It must not be sent again before somebody looked."""


class AlertMisplaced(AlertError):
    """The message was taken, but it is not where it should be, or not only for staff. It is never sent again by itself."""


class StoreError(ModassistError):
    """The database cannot be opened, read or written."""


class StoreBusy(StoreError):
    """Another program holds the database; it may work a moment later."""


class DiskFull(StoreError):
    """The database cannot grow. What was stored is safe."""


class ClockWrong(ModassistError):
    """The clocks of this machine and of the forum are far apart: waiting times would be wrong."""


class ModelError(ModassistError):
    """A model file is damaged, of another version or of another vocabulary."""
