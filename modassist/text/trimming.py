"""Lines that stand in a post without being its author's words: logs, signatures, mail headers and footers, templates.

Everything here is cautious: a line that might be speech stays.
"""

from __future__ import annotations

import re
from functools import cache

from modassist.resources import words_of_all
from modassist.text.markup_html import QUOTE_MARK

_LOG = re.compile(
    r"""\[?\d{4}-\d\d-\d\d[T\ ]\d\d:\d\d:\d\d                 # 2026-03-01 08:00:01
    | \[?\d\d?[./]\d\d?[./]\d{2,4},?\ \d\d?:\d\d:\d\d          # 01.03.2026 08:00:01
    | \[?\w{3}\ +\d\d?\ \d\d:\d\d:\d\d\b                       # Mar  1 08:00:01 (syslog)
    | \[?\d\d:\d\d:\d\d[.,\]:]                                 # 08:00:01.123
    | \[\ *\d+\.\d{3,}\]                                       # [   12.345678] (kernel)
    | \[?(?:ERROR|WARN|WARNING|INFO|DEBUG|FATAL|TRACE|NOTICE|CRITICAL)[\]:\ ]
    | \[(?:error|warn|warning|info|debug|fatal|trace|notice)\]
    | (?:at|bei)\ [\w$.<>/]+\([^()]{0,200}\)$                  # Java, .NET
    | at\ \S+\ \(?\S+:\d+:\d+\)?$                              # JavaScript
    | Traceback\ \(most\ recent | File\ "[^"]{1,300}",\ line\ \d+ | Caused\ by:\ [\w.$]+(?:Exception|Error)
    | [\w.]{1,200}(?:Exception|Error):\ | Exception\ in\ thread
    | \#\d+\ +0x[0-9a-f]+ | 0x[0-9a-fA-F]{4,}\b | (?:[0-9a-f]{2}\ ){6,}
    | [\w.-]{1,60}@[\w.-]{1,60}:[~/]\S*\ ?[$\#] | \$\ [a-z]
    | \#(?:include|define|ifdef|ifndef|endif)\b | //\S | [{}\[\]();]{1,4}$
    | (?:const\ |static\ |unsigned\ |void\ |int\ |char\ |float\ |byte\ |var\ |let\ |String\ )?[\w.\[\]>-]{1,80}\ ?(?:=|\().{0,300};$
    | "[\w.-]{1,60}":\ .{0,300},?$ | </?[a-zA-Z][\w:-]{0,40}(?:\ [^<>]{0,300})?>
    | (?:GET|POST|PUT|DELETE|HEAD|HTTP)[\ /]/?\S+ | \d{1,3}(?:\.\d{1,3}){3}\ .{0,80}\[\d
    """,
    re.VERBOSE,
)
_ADDRESS_ONLY = re.compile(r"(?:https?://|www\.)\S+$", re.IGNORECASE)
_ORNAMENT = re.compile(r"([-=_*~#+.])\1{2,}$")
_MAIL_QUOTED = re.compile(r">(?![\d=-])")
_MAIL_ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}\.[\w.-]{2,63}")
_MAIL_ONLY = re.compile(r"<?[\w.+-]{1,64}@[\w-]{1,63}\.[\w.-]{2,63}>?$")
_PHONE_ONLY = re.compile(r"[+0(]\d[\d ()/.-]{6,24}$")
_TOWN = re.compile(r"(?:[A-Z]{1,3}-)?\d{4,5} [^\W\d_]{3,40}(?: [^\W\d_]{2,40}){0,2}$")
_STREET = re.compile(r"[^\W\d_][\w. -]{2,40} \d{1,4} ?[a-zA-Z]?$")
_NUMBERING = " \t:#*?!._-–—0123456789)("
_SIGNATURE_LINES, _SIGNATURE_CHARS = 10, 600
_FOOTER_LINES, _FOOTER_LINE_CHARS = 12, 120
_HEADING_CHARS, _CONTACT_CHARS, _INITIALS = 70, 90, 4


@cache
def _prefixes() -> tuple[tuple[str, ...], tuple[str, ...], frozenset[str]]:
    """Footers of devices and of lawyers, and the first letters of either."""
    device, legal = words_of_all("device_footers"), words_of_all("legal_footers")
    return tuple(device), tuple(legal), frozenset(words[:_INITIALS] for words in device | legal)


def _may_hold_mail(text: str) -> bool:
    """Cheap, and never wrong where it says no: quoted mail shows a mark, a divider or a line that ends in a colon."""
    if QUOTE_MARK in text or "\n>" in text or text[:1] == ">" or "---" in text or "___" in text:
        return True
    if ":" not in text:
        return False
    words = text.lower()
    return any(hint in words for hint in words_of_all("mail_quote_ends") | words_of_all("mail_subject"))


def trim(lines: list[str]) -> tuple[list[str], bool]:
    """The lines that are speech, and whether logs were among the others. Lines are free of outer blanks, none empty."""
    if _may_hold_mail("\n".join(lines)):
        lines = _without_mail(lines)
    has_logs = False
    if len(lines) > 1:
        lines, has_logs = _without_logs(lines)
    lines = _without_contact_block(_without_footer(_without_signature(lines)))
    headings = words_of_all("template_headings")
    return [line for line in lines if not _is_empty_talk(line, headings)], has_logs


def _is_empty_talk(line: str, headings: frozenset[str]) -> bool:
    """A bare address, a rule of signs, the heading of a form: nobody said that."""
    first = line[0]
    if first in "hHwW" and _ADDRESS_ONLY.match(line):
        return True
    if len(line) > _HEADING_CHARS:
        return False
    if not first.isalnum() and _ORNAMENT.match(line):
        return True
    words = line.strip(_NUMBERING).lower()
    return line[-1] not in ".!" and words in headings and (" " in words or line[-1] == ":")


def _without_logs(lines: list[str]) -> tuple[list[str], bool]:
    """Leaves out what looks like machine output on two lines running; a single line may be speech."""
    looks = [
        (not line[0].isalpha() or line[-1] in ";)" or ":" in line or "/" in line) and _LOG.match(line) is not None
        for line in lines
    ]
    if not any(looks):
        return lines, False
    near = zip([False, *looks[:-1]], looks, [*looks[1:], False], strict=True)
    drop = [here and (before or after) for before, here, after in near]
    return [line for line, is_log in zip(lines, drop, strict=True) if not is_log], any(drop)


def _without_mail(lines: list[str]) -> list[str]:
    """Leaves out quoted mail: `>` lines, the line that introduces them, and what follows the head of an older mail."""
    ends = words_of_all("mail_quote_ends")
    kept: list[str] = []
    for number, line in enumerate(lines):
        if line == QUOTE_MARK or _MAIL_QUOTED.match(line):
            if kept and _introduces_mail(kept[-1], ends):
                kept.pop()
            continue
        if _begins_older_mail(lines, number, ends):
            break
        kept.append(line)
    return kept


def _introduces_mail(line: str, ends: frozenset[str]) -> bool:
    """Such as „Am 03.03.26 um 10:12 schrieb …:“: a date, the word, a colon."""
    if line[-1] != ":" or len(line) > 300 or sum(char.isdigit() for char in line) < 2:
        return False
    return not ends.isdisjoint(re.findall(r"\w+", line.lower()))


def _begins_older_mail(lines: list[str], number: int, ends: frozenset[str]) -> bool:
    """Whether what follows, unmarked, is the mail being answered: its divider, its head, or „… schrieb <a@b.example>:“."""
    line = lines[number]
    following = lines[number + 1] if number + 1 < len(lines) else QUOTE_MARK
    if line[-1] == ":" and following[0] not in (">", QUOTE_MARK) and _MAIL_ADDRESS.search(line):
        return _introduces_mail(line, ends)
    if len(line) > _FOOTER_LINE_CHARS:
        return False
    if line[0] in "-_*" and line.strip("-_* ").lower() in words_of_all("older_mail"):
        return True
    labels = words_of_all("mail_head_labels")
    head = lines[number : number + 3]
    return ":" in line and len(head) == 3 and all(one.partition(":")[0].strip("* ").lower() in labels for one in head)


def _without_signature(lines: list[str]) -> list[str]:
    """Cuts at a `--` line with little below it (Discourse makes an en dash of the two hyphens)."""
    for number in range(len(lines) - 1, max(-1, len(lines) - _SIGNATURE_LINES - 2), -1):
        if lines[number] in ("--", "–", "—") and sum(map(len, lines[number:])) <= _SIGNATURE_CHARS:
            return lines[:number]
    return lines


def _without_footer(lines: list[str]) -> list[str]:
    """Cuts device lines, and everything from a legal footer on, at the end of a post."""
    device, legal, initials = _prefixes()
    start = max(0, len(lines) - _FOOTER_LINES)
    if not any(line[:_INITIALS].lower() in initials for line in lines[start:]):
        return lines
    kept = lines[:start]
    for line in lines[start:]:
        words = line[:_FOOTER_LINE_CHARS].lower()
        if words.startswith(legal):
            break
        if len(line) > _FOOTER_LINE_CHARS or not words.startswith(device):
            kept.append(line)
    return kept


def _without_contact_block(lines: list[str]) -> list[str]:
    start = max(0, len(lines) - _FOOTER_LINES)
    contacts = [
        number
        for number, line in enumerate(lines[start:], start)
        if (line[-1].isdigit() or "@" in line or "www." in line or "://" in line) and _is_contact(line)
    ]
    if len(contacts) < 2 or len(lines) - contacts[0] - len(contacts) > 2 or len(lines) - contacts[-1] > 3:
        return lines
    if any(len(line) > _CONTACT_CHARS for line in lines[contacts[0] :]):
        return lines
    first = contacts[0]
    while (
        first > 0 and (_TOWN.match(lines[first - 1]) or _STREET.match(lines[first - 1])) and len(lines[first - 1]) < 50
    ):
        first -= 1
    return lines[:first]


def _is_contact(line: str) -> bool:
    if len(line) > _FOOTER_LINE_CHARS:
        return False
    if _PHONE_ONLY.match(line) or _MAIL_ONLY.match(line) or _ADDRESS_ONLY.match(line):
        return True
    label = re.split(r"[:.\s]", line, maxsplit=1)[0].lower()
    if label not in words_of_all("contact_labels"):
        return False
    return sum(char.isdigit() for char in line) >= 5 or "@" in line or "www" in line
