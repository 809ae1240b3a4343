"""Wording that stands in other threads too is found, near-duplicates included."""

from hypothesis import given
from hypothesis import strategies as st

from modassist.judging.boilerplate import Boilerplate, wording

TEMPLATE = "Hello {name}, thank you for getting in touch with our friendly team, we have passed your message {n} on."


def learned(*texts: str) -> Boilerplate:
    memory = Boilerplate()
    for thread_id, text in enumerate(texts, start=1):
        memory.learn(wording(text), thread_id)
    return memory


def test_a_reply_seen_in_two_other_threads_is_covered() -> None:
    memory = learned(TEMPLATE.format(name="Ann", n=12), TEMPLATE.format(name="Bo", n=99))
    assert memory.coverage(wording(TEMPLATE.format(name="Cy", n=3), ["Cy"]), 7) > 0.7


def test_the_same_thread_does_not_count_as_another() -> None:
    memory = Boilerplate()
    for _ in range(5):
        memory.learn(wording(TEMPLATE), 1)
    assert memory.coverage(wording(TEMPLATE), 1) == 0.0


def test_a_reply_of_its_own_is_not_covered() -> None:
    memory = learned(TEMPLATE, TEMPLATE)
    own = "The left wheel of your mower hits the bracket, so I am sending you the longer screw that fixes it."
    assert memory.coverage(wording(own), 9) == 0.0


def test_short_replies_are_never_boilerplate() -> None:
    memory = learned("Yes, it does work.", "Yes, it does work.", "Yes, it does work.")
    assert memory.coverage(wording("Yes, it does work."), 9) == 0.0


def test_memory_stays_bounded() -> None:
    memory = Boilerplate(capacity=50)
    for number in range(40):
        memory.learn(wording(" ".join(f"word{chr(97 + (number * 7 + i) % 26) * 3}" for i in range(20))), number)
    assert len(memory._threads) <= 50


@given(st.text(max_size=200))
def test_coverage_is_a_share(text: str) -> None:
    memory = learned(text, text, text)
    assert 0.0 <= memory.coverage(wording(text), 9) <= 1.0
