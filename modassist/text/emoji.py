"""Emoji that forums write as names (`:wave:`, an image titled so) as the character itself."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

_IRREGULAR = {
    "+1": "👍", "thumbsup": "👍", "-1": "👎", "thumbsdown": "👎", "100": "💯", "smile": "😄", "smiley": "😃",
    "grinning": "😀", "grin": "😁", "laughing": "😆", "satisfied": "😆", "joy": "😂", "rofl": "🤣", "slight_smile": "🙂",
    "slightly_smiling_face": "🙂", "blush": "😊", "wink": "😉", "heart_eyes": "😍", "kissing_heart": "😘", "yum": "😋",
    "stuck_out_tongue": "😛", "stuck_out_tongue_winking_eye": "😜", "sunglasses": "😎", "thinking": "🤔", "neutral_face": "😐",
    "expressionless": "😑", "unamused": "😒", "roll_eyes": "🙄", "grimacing": "😬", "frowning": "😦",
    "slightly_frowning_face": "🙁", "slight_frown": "🙁", "confused": "😕", "worried": "😟", "cry": "😢", "sob": "😭",
    "angry": "😠", "rage": "😡", "pout": "😡", "triumph": "😤", "scream": "😱", "sweat": "😓", "sweat_smile": "😅",
    "disappointed": "😞", "weary": "😩", "tired_face": "😫", "open_mouth": "😮", "upside_down_face": "🙃", "upside_down": "🙃",
    "shrug": "🤷", "facepalm": "🤦", "man_facepalming": "🤦", "woman_facepalming": "🤦", "man_shrugging": "🤷",
    "woman_shrugging": "🤷", "pray": "🙏", "clap": "👏", "wave": "👋", "ok_hand": "👌", "muscle": "💪", "raised_hands": "🙌",
    "point_up": "☝", "point_down": "👇", "heart": "❤", "broken_heart": "💔", "tada": "🎉", "fire": "🔥", "warning": "⚠",
    "white_check_mark": "✅", "heavy_check_mark": "✔", "x": "❌", "question": "❓", "exclamation": "❗", "bulb": "💡",
    "hugs": "🤗", "hugging_face": "🤗", "see_no_evil": "🙈", "poop": "💩", "coffee": "☕", "beer": "🍺", "star": "⭐",
}  # fmt: skip
"""Names that Unicode calls otherwise; Discourse's names: https://github.com/discourse/discourse-emojis."""

EMOTICONS = {
    ":)": "🙂", ":-)": "🙂", ":(": "🙁", ":-(": "🙁", ";)": "😉", ";-)": "😉", ":D": "😃", ":-D": "😃", ":P": "😛", ":-P": "😛",
    ":p": "😛", ":-p": "😛", ":o": "😮", ":-o": "😮", ":|": "😐", ":-|": "😐", ":'(": "😢", ":/": "😕", ":-/": "😕",
}  # fmt: skip
"""What Discourse turns into an emoji while it cooks a post (its setting `enable_emoji_shortcuts`)."""


@lru_cache(maxsize=1024)
def emoji(name: str) -> str:
    """The character of a shortcode, with or without its colons; "" where there is none."""
    key = name.strip(":").split(":", 1)[0].lower()
    if key in _IRREGULAR:
        return _IRREGULAR[key]
    try:
        char = unicodedata.lookup(key.replace("_", " ")) if len(key) > 2 else ""
    except (KeyError, ValueError):
        return ""
    return char if len(char) == 1 and _is_pictograph(char) else ""


def _is_pictograph(char: str) -> bool:
    return unicodedata.category(char) == "So" and ord(char) >= 0x2300
