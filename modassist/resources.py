"""Where the data of the package lies: the rule packs and word lists of each language.

The wheel carries them as `modassist/rules_data`; a checkout has them in `rules/` beside the package.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from modassist.errors import RuleError
from modassist.model import LANGUAGES

Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The fast safe loader where libyaml is there (10 times the speed), the slow safe one elsewhere."""

_PACKAGE = Path(__file__).resolve().parent


def rules_root() -> Path:
    """The folder with one folder per language. Raises RuleError where neither place has it."""
    for folder in (_PACKAGE / "rules_data", _PACKAGE.parent / "rules"):
        if folder.is_dir():
            return folder
    raise RuleError("the rule packs are missing from this installation", hint="install modassist again")


def load_yaml(path: Path) -> Any:
    """The content of one of the package's own YAML files. Raises RuleError with path and line."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=Loader)  # noqa: S506  (both loaders are safe ones)
    except OSError as error:
        raise RuleError(f"{path}: cannot be read: {error.strerror}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise RuleError(f"{path}:{line}: is no valid YAML: {getattr(error, 'problem', error)}") from error


@cache
def language_lists(lang: str) -> dict[str, Any]:
    """`rules/<lang>/language.yaml`: the words of a language that the core needs. Empty for other languages."""
    if lang not in LANGUAGES:
        return {}
    path = rules_root() / lang / "language.yaml"
    content = load_yaml(path)
    if not isinstance(content, dict):
        raise RuleError(f"{path}:1: must be a mapping of lists")
    return content


@cache
def words_of(lang: str, *names: str) -> frozenset[str]:
    """One list of `language.yaml` in lower case; `words_of("de", "address", "du")` reads a list inside a mapping.

    A list may be written as one text of words between blanks, which spares quoting what YAML takes for a boolean.
    """
    entry: Any = language_lists(lang)
    for name in names:
        entry = (entry or {}).get(name)
    words = entry.split() if isinstance(entry, str) else entry or ()
    return frozenset(str(word).lower() for word in words)


@cache
def words_of_all(*names: str) -> frozenset[str]:
    """The same list of all languages together, for what is decided before the language is known."""
    return frozenset().union(*(words_of(lang, *names) for lang in LANGUAGES))
