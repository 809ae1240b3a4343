"""The words of the product as types: who speaks, what a post shows, where a thread stands, what should happen.

Every name that reaches a person, a rule pack, the database or another program is the value of an enum here.
All dataclasses are frozen and hold tuples; all instants are aware and in UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum


class Role(StrEnum):
    """Who speaks. Automatic posts (system users, bots, small actions) are neither staff nor customer."""

    STAFF = "staff"
    CUSTOMER = "customer"
    AUTOMATIC = "automatic"


class Signal(StrEnum):
    """What a post can show. The first twelve are read in staff posts, the last six in customer posts."""

    CONTRADICTION = "contradiction"
    DISMISSAL = "dismissal"
    CONDESCENSION = "condescension"
    BLAME = "blame"
    DEFLECTION = "deflection"
    CANNED = "canned"
    NON_ANSWER = "non_answer"

    ACKNOWLEDGES = "acknowledges"
    APOLOGIZES = "apologizes"
    OWNS = "owns"
    NEXT_STEP = "next_step"
    COMMITS_TIME = "commits_time"

    COMPLAINT = "complaint"
    REPEAT_CONTACT = "repeat_contact"
    CHURN_RISK = "churn_risk"
    DISTRESS = "distress"
    PRAISE = "praise"
    ABUSE = "abuse"


FLAGGING = frozenset({Signal.CONTRADICTION, Signal.DISMISSAL, Signal.CONDESCENSION, Signal.BLAME, Signal.DEFLECTION})
"""Signals that flag a staff reply by themselves."""

EMPTY = frozenset({Signal.CANNED, Signal.NON_ANSWER})
"""Signals that flag a staff reply only where staff said nothing better to that complaint."""

GOOD_PRACTICE = frozenset({Signal.ACKNOWLEDGES, Signal.APOLOGIZES, Signal.OWNS, Signal.NEXT_STEP, Signal.COMMITS_TIME})

STAFF_SIGNALS = FLAGGING | EMPTY | GOOD_PRACTICE
CUSTOMER_SIGNALS = frozenset(Signal) - STAFF_SIGNALS


class State(StrEnum):
    """Where a thread stands at a given instant."""

    UNANSWERED = "unanswered"
    ONLY_PEERS = "only_peers"
    DROPPED = "dropped"
    BROKEN_PROMISE = "broken_promise"
    SLOW_FIRST_REPLY = "slow_first_reply"
    SILENT_PROGRESS = "silent_progress"
    PILE_ON = "pile_on"
    RESOLVED = "resolved"


WAITING = frozenset({State.UNANSWERED, State.ONLY_PEERS, State.DROPPED, State.BROKEN_PROMISE, State.SILENT_PROGRESS})
"""States in which the customer is owed a word: each of them alone makes an escalation."""


class PostKind(StrEnum):
    """Discourse's post types. Staff colour is a staff reply set off by the forum; the last two are no public speech."""

    REGULAR = "regular"
    STAFF_COLOUR = "moderator_action"
    SMALL_ACTION = "small_action"
    WHISPER = "whisper"


LANGUAGES = ("de", "en", "fi")
"""Languages of the first rank. Others are read by waiting time and thread state alone."""

UNDETERMINED = "und"

STRICTNESS = ("lenient", "normal", "strict")
"""How sure the trained model must be before it flags."""

DETOXIFY = ("off", "original", "unbiased", "multilingual")
"""Models of detoxify that may be asked about insults."""


@dataclass(frozen=True, slots=True)
class Post:
    """One post as the forum showed it. `html` (cooked) wins over `raw` (Markdown) where both stand."""

    number: int
    author: str
    role: Role
    created_at: datetime
    html: str | None = None
    raw: str | None = None
    id: int | None = None
    kind: PostKind = PostKind.REGULAR
    action: str | None = None
    """Action code of a small action, such as `closed.enabled`."""
    reply_to: int | None = None
    """Number of the post that this one was written as a reply to."""
    accepted: bool = False
    edited_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Thread:
    """A thread with its posts in order of their numbers."""

    id: int
    title: str
    posts: tuple[Post, ...]
    slug: str = ""
    url: str = ""
    category_id: int | None = None
    tags: tuple[str, ...] = ()
    closed: bool = False
    archived: bool = False
    accepted_by_staff: bool = False
    """A solution was marked by staff, not by the customer: that alone does not make the thread resolved."""
    now: datetime | None = None
    """The instant at which the record asks to be judged."""


@dataclass(frozen=True, slots=True)
class Quote:
    """Words of somebody else inside a post. Author and number are known for forum quotes only."""

    text: str
    author: str | None = None
    post_number: int | None = None


@dataclass(frozen=True, slots=True)
class OwnWords:
    """What the author of a post wrote: visible text without quotes, code, logs and signature.

    Offsets of evidence count characters in `text`.
    """

    text: str
    quotes: tuple[Quote, ...] = ()
    mentions: tuple[str, ...] = ()
    links: int = 0
    images: int = 0
    has_code: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open range of characters in a post's own words."""

    start: int
    end: int

    def overlaps(self, other: Span) -> bool:
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True)
class Evidence:
    """The exact words that show a signal: `text` is `own_words.text[start:end]`."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Finding:
    """A signal that is present in a post; `by` names rules (`rule:de/dismissal/isolated-case`) and other sources."""

    signal: Signal
    score: float
    evidence: tuple[Evidence, ...] = ()
    by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cue:
    """Words that matter to the state of a thread without being a signal: a promise, „erledigt“, "same here"."""

    name: str
    start: int
    end: int
    rule: str = ""


@dataclass(frozen=True, slots=True)
class JudgedPost:
    """A post with everything that was read in it."""

    post: Post
    words: OwnWords
    lang: str
    findings: tuple[Finding, ...] = ()
    cues: tuple[Cue, ...] = ()
    flagged: bool = False
    answers: tuple[int, ...] = ()
    """Numbers of the customer posts that this (staff) post answers, the nearest first."""
    scores: tuple[tuple[Signal, float], ...] = ()
    """Every signal of the post's role with its score, present or not."""
    flag_score: float | None = None
    """Probability that a staff reply deserves a flag, by the trained model; None where none judged."""

    @property
    def signals(self) -> frozenset[Signal]:
        return frozenset(finding.signal for finding in self.findings)

    def shows(self, *signals: Signal) -> bool:
        """Whether at least one of these signals is present."""
        return any(finding.signal in signals for finding in self.findings)

    def has_cue(self, *names: str) -> bool:
        return any(cue.name in names for cue in self.cues)


@dataclass(frozen=True, slots=True)
class ThreadState:
    """A state with what started it. `words` and `due` are a promise's own words and the instant it was due."""

    state: State
    since: datetime
    hours: float
    """Hours from `since` to the instant of judging; business hours where the settings say so."""
    post_number: int
    words: str = ""
    due: datetime | None = None


@dataclass(frozen=True, slots=True)
class Addend:
    """One line of the sum that is the severity. `points` is negative for good practice."""

    what: str
    points: int


@dataclass(frozen=True, slots=True)
class Severity:
    """How urgent, 0 to 100: exactly the sum of its addends (which include the cut at the ends of the scale)."""

    score: int
    addends: tuple[Addend, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """A proposed public reply, for a person to finish and send. `register` is Sie, du, te, sinä or empty (English)."""

    lang: str
    register: str
    text: str


@dataclass(frozen=True, slots=True)
class Escalation:
    """What staff should know and could do: all in the moderators' language, the draft in the customer's."""

    summary: str
    note: str
    actions: tuple[str, ...]
    channel: str
    due: datetime
    draft: Draft | None


@dataclass(frozen=True, slots=True)
class Judgement:
    """A thread at an instant: posts with their findings, states, severity. What a suggestion is composed from."""

    thread: Thread
    lang: str
    judged_at: datetime
    posts: tuple[JudgedPost, ...]
    states: tuple[ThreadState, ...] = ()
    severity: Severity = Severity(0)
    needs_person: bool = False
    """Whether the thread is escalated: somebody waits, or a flagged reply stands in a thread not yet resolved."""
    repaired: bool = False
    """Staff took a flagged reply back, or took the case on after it."""
    next_change: datetime | None = None
    """The next instant at which a state changes by the passing of time alone; None where none will."""

    def state(self, wanted: State) -> ThreadState | None:
        return next((state for state in self.states if state.state is wanted), None)


@dataclass(frozen=True, slots=True)
class Analysis:
    """The end of the line: the judgement and, where a person is needed, the escalation."""

    judgement: Judgement
    escalation: Escalation | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a customer may wait. Per-category values override `reply` in `by_category`."""

    reply: timedelta = timedelta(hours=24)
    promise: timedelta = timedelta(days=7)
    recent: timedelta = timedelta(days=7)
    """How long after it came a slow first reply is still mentioned."""
    settle: timedelta = timedelta(minutes=5)
    """A post younger than this may still be edited by its author: it is kept, and judged later."""
    by_category: tuple[tuple[int, timedelta], ...] = ()
    timezone: str = "UTC"
    business_hours: tuple[tuple[int, int], ...] = ()
    """(first minute, last minute) of the working day for Monday..Sunday; empty: every hour counts.
    A day off is (0, 0)."""
    holidays: str = ""
    """Country, or country and subdivision ("DE", "DE-BY"), whose public holidays do not count."""

    def reply_for(self, category_id: int | None) -> timedelta:
        return next((limit for key, limit in self.by_category if key == category_id), self.reply)


@dataclass(frozen=True, slots=True)
class Staff:
    """Who is staff on a forum beyond the forum's own flags; user names are compared without case."""

    usernames: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    ignored: frozenset[str] = frozenset()
    """Bots and feeds: their posts are automatic."""
    aliases: tuple[tuple[str, str], ...] = ()
    """(other account, main account) of the same person: a staff member's second account, a customer's old one."""
    group_moderators: bool = True
    """Whether category group moderators count as staff."""
    members: frozenset[str] = field(default_factory=frozenset)
    """User names found in `groups` when the forum was asked."""
