"""The trained model at work: rules, words and context of a post weighed together into calibrated probabilities.

Two layers: word scores of the text and of its most telling sentence, then one logistic layer over these and the dense
features. A decision needs both: words alone rank, what the customer said before and what rules found decide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import exp, inf, log

import numpy as np

from modassist.judging.findings import OF_CUSTOMERS, OF_STAFF, PRESENT, Found, evidence, score
from modassist.learned.encoder import Encoder, encoder_scores, of_posts
from modassist.learned.features import CUSTOMER_FEATURES, STAFF_FEATURES, View
from modassist.learned.model_file import FLAG, LABELS, Head, TrainedModel
from modassist.learned.words import Floats, WordScores
from modassist.model import EMPTY, FLAGGING, Evidence, Finding, JudgedPost, Role, Signal, Span

OUT_OF_SIGHT = 4.0
"""Word scores beyond this count as this: far out stand texts unlike all that was learnt from, not surer ones."""

BESIDE, BESIDE_WITHOUT_RULE, BESIDE_RULES = 0.4, 0.7, 0.6
"""A signal stands beside a likelier one in a flagged reply where it is at least this part as likely, more where no rule
found it: what raises one raises its neighbours a little too, and nobody should be told of a fault that was not made.
With 0.9 instead of 0.6 the mean F1 of the five signals on the threads of five writers was lower by .00 to .05 a language,
and on those of two others by -.02 to .02."""

_NOTHING: Floats = np.zeros(0, dtype=np.float32)

NO_GROUND = 4.5
"""What is added to the log-odds that a flag needs where no rule found anything bad, unless a short reply answers a
complaint: where 0.65 is wanted of a flag, 0.994 is wanted there. The corpora hold far more bad replies than a forum
does, and more in answers to complaints than a forum does: words alone rank, they do not decide, and in long answers they
add up to anything. On labelled threads that the model had not seen this costs next to nothing; on a real technical forum
3.0 instead makes fifteen to thirty flags more, one of them right."""

COMPLAINED = 0.85
"""From this probability on the post being answered is a complaint surely enough for words alone to speak of the reply.
On a real technical forum most false alarms in short replies, and most replies wrongly called empty without a rule,
answered posts that were taken for a complaint with less. Beside 0.75 that forum has
six flags less, none of them right; threads of writers that the model never saw have 4 right ones less of 125, and 3
wrong ones of 11."""

MAYBE_COMPLAINED, HINTED, LITTLE_GROUND = 0.35, 0.35, 1.0
"""Words speak alone where the customer surely complained, or perhaps did and a rule's faint hit stands beside them: in a
very short reply as anywhere, as nothing adds up by chance in so few words, and with so much more in a longer one, or in a
very short one to what is perhaps a complaint. On the threads of six writers that the model was not trained on, this finds
6 flags of 179 more than a sure complaint and NO_GROUND alone, at 1 false one more; a real technical forum has two flags
less, one of them right."""

SHORT, LONG = 35, 60
"""Words up to which a reply is very short, and from which on a post is long."""

NAMELESS = 0.15
"""Where no signal is likelier than this, and no rule names one, there is nothing to tell a reader: on labelled threads that
the model had not seen six such flags were wrong and none right."""

SAYS_SOMETHING = 4
"""Words from which on a sentence is more than a greeting."""

SURE_BY_RULES = 0.5
EASED = {Signal.COMPLAINT: (0.25, 0.9), Signal.DISTRESS: (0.3, 0.6)}
"""What rules and context give SURE_BY_RULES is present even where its words are unlike those of the corpora: with this
part of the usual probability, in short posts and in long ones (of LONG words: there a report of somebody's experiments
meets many rules). A complaint only from who has complained before or joins in: in talk among customers words of trouble
are mostly advice or news, and of 123 such posts on a real technical forum that readers looked at, 77 were no complaint."""
OPENING = (0.25, 0.2)
"""The same for the first post of a thread, where who writes of trouble mostly has it: 33 of 44 that readers looked at."""
LONG_STORY = 0.9
"""The probability that a long post needs to be a complaint by its words alone. On a real technical forum 9 % of
customers' posts were called complaints with lines of their own for long posts, 11 % with those for short ones; on the
threads of four writers that the model was not trained on they cost nothing."""

RARE = {Signal.REPEAT_CONTACT: 0.75, Signal.DISTRESS: 0.6, Signal.CHURN_RISK: 0.75, Signal.ABUSE: 0.93}
"""What the corpora hold ten times as often as a forum needs a rule's word, or this probability. On a real forum words
alone took blunt advice among customers for abuse in 20 of 24 posts; on labelled threads the higher line costs 3 of 20."""

OF_COMPLAINTS = frozenset({Signal.REPEAT_CONTACT, Signal.DISTRESS, Signal.CHURN_RISK})
BESIDE_COMPLAINT, ALONE = {Signal.REPEAT_CONTACT: 0.85, Signal.DISTRESS: 0.65}, 0.85
"""What stands beside a complaint in 98 of 100 posts of the corpora: there this part of the usual probability is enough,
and without a complaint it takes ALONE. On a real forum, where few posts complain, 63 posts tell of harm so instead of 88
and 41 of leaving instead of 55; on the threads of six writers that the model was not trained on, 77 of 132 tell of harm
instead of 66, 34 others instead of 23."""


@dataclass(frozen=True)
class Thresholds:
    """From which probability on a label is present, by language; a forum's own values come before the model's."""

    by_lang: Mapping[str, Mapping[str, float]]

    def of(self, lang: str, label: str) -> float:
        return self.by_lang[lang].get(label, inf)


@dataclass
class Weigher:
    """Judges posts by a trained model. Not pure, as it keeps the scores of words, but the same post gives the same."""

    model: TrainedModel
    thresholds: Thresholds
    _words: dict[tuple[Role, str], WordScores] = field(default_factory=dict)
    encoder: Encoder | None = None
    """The sentence encoder that the model was trained with; None where it was trained without."""

    def judge(self, view: View, judged: JudgedPost, found: Found) -> JudgedPost:
        """The post with what is present in it by the model; words that rules found are the evidence where there are any."""
        head = self.model.heads[view.role]
        spans = view.spans or (Span(0, len(view.text)),)
        whole, pieces = self._scorer(view.role, view.lang, head).score(view.text, spans)
        chances = probabilities(head, view.lang, whole, pieces, (*view.dense, *self._encoded(view, head)))
        labels, signals = LABELS[view.role], _signals_of(view.role)
        by_label = dict(zip(labels, chances.tolist(), strict=True))
        present = self._present(view, by_label, found)
        findings = tuple(
            _finding(judged, signal, by_label[signal], found, spans, pieces[:, labels.index(signal)])
            for signal in signals
            if signal in present
        )
        scores = tuple([(signal, round(by_label[signal], 3)) for signal in signals])
        flagged = not FLAGGING.isdisjoint(present)
        chance = by_label.get(FLAG)
        return replace(judged, findings=findings, scores=scores, flagged=flagged, flag_score=chance)

    def _encoded(self, view: View, head: Head) -> Floats:
        if head.encoder is None:
            return _NOTHING
        assert self.encoder is not None, "loading.encoder_for sees to it"
        found: Floats = encoder_scores(head.encoder, of_posts(self.encoder, [(view.text, view.answered)]))[0]
        return found

    def _present(self, view: View, chances: Mapping[str, float], found: Found) -> frozenset[Signal]:
        """Which signals are present. A flag is one decision; only then is asked which of its signals it is."""
        is_long = len(view.text.split()) >= LONG
        present = {s for s in _signals_of(view.role) if chances[s] >= self._least(view, s, found, is_long)}
        if view.role is Role.CUSTOMER:
            kept = {s for s in present if s in found or chances[s] >= RARE.get(s, 0.0)}
            return self._with_complaint(view, chances, kept)
        if not _answers_complaint(view):
            present -= EMPTY - found.keys()
        if chances[FLAG] < _surer(self.thresholds.of(view.lang, FLAG), _ground(view)):
            return frozenset(present - FLAGGING)
        likeliest = max(sorted(FLAGGING), key=lambda signal: chances[signal])
        if chances[likeliest] < NAMELESS and view.dense[_BAD_BY_RULES] < PRESENT:
            return frozenset(present - FLAGGING)
        beside = {s for s in present & FLAGGING if chances[s] >= _beside(s, found) * chances[likeliest]}
        return frozenset(present - FLAGGING | beside | {likeliest})

    def _with_complaint(self, view: View, chances: Mapping[str, float], kept: set[Signal]) -> frozenset[Signal]:
        """The signals of a customer's post with those that hardly ever stand without a complaint at their place."""
        if Signal.COMPLAINT not in kept:
            return frozenset(s for s in kept if s not in OF_COMPLAINTS or chances[s] >= ALONE)
        usual = {s: self.thresholds.of(view.lang, s) for s in BESIDE_COMPLAINT}
        return frozenset(kept | {s for s, part in BESIDE_COMPLAINT.items() if chances[s] >= part * usual[s]})

    def _least(self, view: View, signal: Signal, found: Found, is_long: bool) -> float:
        """The probability that a signal needs here: less for one that rules are sure of."""
        least = self.thresholds.of(view.lang, signal)
        if signal in EASED and score(found, signal) >= SURE_BY_RULES:
            part = _part(view, signal, found)
            if part is not None:
                return least * part[is_long]
        return max(least, LONG_STORY) if is_long and signal is Signal.COMPLAINT else least

    def _scorer(self, role: Role, lang: str, head: Head) -> WordScores:
        if (role, lang) not in self._words:
            self._words[role, lang] = WordScores(*head.words[lang])
        return self._words[role, lang]


_BAD_BY_RULES = STAFF_FEATURES.index("rules:bad")
_ANSWERS_COMPLAINT = STAFF_FEATURES.index(f"answered:{Signal.COMPLAINT}")
_CASE_COMPLAINT = STAFF_FEATURES.index("case:complaint")
_OPENS, _COMPLAINED, _SAME_HERE = map(CUSTOMER_FEATURES.index, ("opens", "complained", "cue:same_here"))


def _signals_of(role: Role) -> tuple[Signal, ...]:
    return OF_STAFF if role is Role.STAFF else OF_CUSTOMERS


def _part(view: View, signal: Signal, found: Found) -> tuple[float, float] | None:
    """The part of the usual probability that is enough where rules are sure, in short and long posts; None: all of it."""
    has_complained = bool(view.dense[_COMPLAINED])
    if signal is Signal.COMPLAINT and view.dense[_OPENS]:
        return OPENING
    if signal is Signal.COMPLAINT and not (has_complained or view.dense[_SAME_HERE]):
        return None
    if signal is Signal.DISTRESS and not (has_complained or score(found, Signal.COMPLAINT) >= PRESENT):
        return None
    return EASED[signal]


def _beside(signal: Signal, found: Found) -> float:
    """How likely the signal must be beside the likeliest; surer where rules speak for others, but not for this one."""
    if signal in found:
        return BESIDE
    return BESIDE_RULES if FLAGGING & found.keys() else BESIDE_WITHOUT_RULE


def _ground(view: View) -> float:
    """What is added to the log-odds that a flag needs here, where hardly anything but the choice of words speaks for it."""
    by_rules, complained = view.dense[_BAD_BY_RULES], view.dense[_CASE_COMPLAINT]
    words = len(view.text.split())
    if by_rules >= PRESENT:
        return 0.0
    if words > LONG or complained < MAYBE_COMPLAINED:
        return NO_GROUND
    if complained >= COMPLAINED or by_rules >= HINTED:
        return 0.0 if words <= SHORT else LITTLE_GROUND
    return LITTLE_GROUND if words <= SHORT else NO_GROUND


def _answers_complaint(view: View) -> bool:
    return view.dense[_ANSWERS_COMPLAINT] >= COMPLAINED


def _surer(threshold: float, more: float) -> float:
    """The threshold with so much more (or less) of log-odds; what nobody reaches, or everybody, stays so."""
    if not 0.0 < threshold < 1.0:
        return threshold
    return 1.0 / (1.0 + exp(-(log(threshold / (1.0 - threshold)) + more)))


def layer_input(whole: Floats, pieces: Floats, dense: Sequence[float]) -> Floats:
    """What the second layer weighs: the text's word scores, those of the best sentence per label, the dense features.

    `dense` ends with the encoder's scores where there is one.
    """
    best = pieces.max(axis=0)
    words = np.concatenate([whole, best])
    in_sight = np.minimum(np.maximum(words, -OUT_OF_SIGHT), OUT_OF_SIGHT)
    return np.concatenate([in_sight, np.array(dense, dtype=np.float32)], dtype=np.float32)


def probabilities(head: Head, lang: str, whole: Floats, pieces: Floats, dense: Sequence[float]) -> Floats:
    """Calibrated probability of each label, (labels,)."""
    raw = layer_input(whole, pieces, dense) @ head.weights + head.intercepts[lang]
    slope, shift = head.calibration[lang]
    return np.asarray(1.0 / (1.0 + np.exp(-(slope * raw + shift))), dtype=np.float32)


def _finding(
    judged: JudgedPost, signal: Signal, chance: float, found: Found, spans: Sequence[Span], pieces: Floats
) -> Finding:
    """The signal with the words that rules found. Where none did, or a bad signal is seen in another sentence too, that one."""
    by_rules = found.get(signal)
    shown = by_rules.evidence if by_rules is not None else ()
    if not shown or signal in FLAGGING:
        told = [Span(each.start, each.end) for each in shown]
        shown += tuple([each for each in _most_telling(judged, spans, pieces) if not _meets(each, told)])
    by = by_rules.by if by_rules is not None else ()
    return Finding(signal, round(chance, 3), shown, (*by, "model"))


def _meets(evidence: Evidence, spans: Sequence[Span]) -> bool:
    return any(span.overlaps(Span(evidence.start, evidence.end)) for span in spans)


def _most_telling(judged: JudgedPost, spans: Sequence[Span], pieces: Floats) -> tuple[Evidence, ...]:
    """The sentence that moved the score most, without the blanks round it; a greeting only where nothing else is said."""
    long = np.array([judged.words.text.count(" ", span.start, span.end) >= SAYS_SOMETHING - 1 for span in spans])
    span = spans[int(np.where(long, pieces, -inf).argmax() if long.any() else pieces.argmax())]
    text = judged.words.text[span.start : span.end]
    start = span.start + len(text) - len(text.lstrip())
    return (evidence(judged.words, start, start + len(text.strip())),) if text.strip() else ()
