"""Topics and posts of the in-process forum -> the JSON that Discourse's API sends.

The fields are those that Discourse's openapi.json requires; a test compares.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import timedelta
from importlib.resources import files

from modassist.forum.practice.state import ForumState, Json, Topic, Viewer, last_posted_at
from modassist.instants import instant_text, parse_instant

CHUNK = 20
LIST_PAGE = 30
POSTS_PAGE = 50

_AVATAR = "/letter_avatar_proxy/v4/letter/m/7993a0/{size}.png"

_SHAPES: dict[str, Json] = json.loads(files(__package__).joinpath("shapes.json").read_text("utf-8"))
"""For each kind of object the fields that Discourse always sends, with values that no reader uses."""


def post_view(topic: Topic, post: Json) -> Json:
    """A post as topic views show it: without its raw text."""
    replies = sum(other.get("reply_to_post_number") == post["post_number"] for other in topic.living())
    own = {key: value for key, value in post.items() if key != "raw"}
    more = {"display_username": post.get("username"), "topic_slug": topic.fields["slug"], "reply_count": replies}
    return _SHAPES["post"] | {"user_id": None, "username": None} | more | own


def latest_post(topic: Topic, post: Json) -> Json:
    """A post as /posts.json shows it: with its raw text and a little of its topic."""
    title, slug = topic.fields["title"], topic.fields["slug"]
    about = {"topic_title": title, "topic_html_title": title, "category_id": topic.fields["category_id"]}
    address = f"/t/{slug}/{topic.id}/{post['post_number']}"
    extra = {"raw": post["raw"], "excerpt": "", "post_url": address, "posts_count": len(topic.living())}
    return post_view(topic, post) | about | extra


def topic_view(topic: Topic, viewer: Viewer, *, page: int = 1, with_raw: bool = False) -> Json | None:
    """`/t/{id}.json`: a page of 20 posts and the ids of all. None beyond the last page."""
    posts = topic.seen_by(viewer)
    shown = posts[(page - 1) * CHUNK : page * CHUNK]
    if not shown and page > 1:
        return None
    stream = {"posts": _posts(topic, shown, with_raw=with_raw), "stream": [post["id"] for post in posts]}
    authors = list(dict.fromkeys(post.get("username") for post in posts))
    first, last = (posts[0], posts[-1]) if posts else ({}, {})
    details = _SHAPES["details"] | {
        "created_by": _user(first.get("username")),
        "last_poster": _user(last.get("username")),
        "participants": [_participant(topic, name) for name in authors],
    }
    if topic.fields["archetype"] == "private_message":
        details["allowed_users"] = [_user(name) for name in topic.fields.get("allowed_users", ())]
        details["allowed_groups"] = [{"id": 40, "name": name} for name in topic.fields.get("allowed_groups", ())]
    known = {"participant_count": len(authors), "draft_key": f"topic_{topic.id}", "details": details}
    return _SHAPES["topic"] | _common(topic) | known | {"post_stream": stream} | topic.fields | {"tags": _tags(topic)}


def chosen_posts(topic: Topic, viewer: Viewer, post_ids: Iterable[int], *, with_raw: bool = False) -> Json:
    """`/t/{id}/posts.json`: the posts asked for, in order; staff get deleted ones too, as Discourse does."""
    wanted = set(post_ids)
    visible = topic.posts if viewer.is_staff else topic.seen_by(viewer)
    posts = [post for post in visible if post["id"] in wanted] if wanted else visible[:CHUNK]
    return {"post_stream": {"posts": _posts(topic, posts, with_raw=with_raw)}, "id": topic.id}


def topic_list(topics: list[Topic], *, page: int, per_page: int, path: str, pinned_first: bool) -> Json:
    """A page of a topic list. Pinned topics stand first and shift what follows."""
    if pinned_first:
        topics = sorted(topics, key=lambda topic: not topic.fields["pinned"])
    shown = topics[page * per_page : (page + 1) * per_page]
    listed: Json = {"can_create_topic": False, "per_page": per_page, "topics": [_row(topic) for topic in shown]}
    if len(topics) > (page + 1) * per_page:
        listed["more_topics_url"] = f"{path}?page={page + 1}"
    names = dict.fromkeys(post.get("username") for topic in shown for post in topic.posts)
    return {"users": [_user(name) for name in names], "topic_list": listed}


def filtered(topics: list[Topic], state: ForumState, query: str) -> list[Topic]:
    """The topics of `/filter.json` for `status:open` and `activity-after:` a day or a number of days."""
    for term in query.split():
        name, _, value = term.partition(":")
        if (name, value) == ("status", "open"):
            topics = [topic for topic in topics if not topic.fields["closed"] and not topic.fields["archived"]]
        if name == "activity-after":
            days = timedelta(days=int(value)) if value.isdigit() else None
            since = state.now() - days if days else parse_instant(value)
            topics = [topic for topic in topics if parse_instant(topic.bumped_at) >= since]
    return topics


def categories(state: ForumState, names: Mapping[int, str], viewer: Viewer) -> list[Json]:
    """The categories that the viewer may see: those with names, and those of the topics."""
    used = {int(topic.fields["category_id"]): "" for topic in state.topics.values() if topic.fields["category_id"]}
    ids = sorted({**used, **dict(names)}.keys() | state.private | state.permissions.keys())
    seen = [key for key in ids if state.is_category_open_to(key, viewer)]
    return [_category(state, key, names.get(key) or f"Category {key}") for key in seen]


_GROUP_IDS = {"everyone": 0, "admins": 1, "moderators": 2, "staff": 3, **{f"trust_level_{n}": 10 + n for n in range(5)}}


def category_view(state: ForumState, category: Json, viewer: Viewer) -> Json:
    """`/c/{id}/show.json`; to which groups the category is open is shown to those who may edit it."""
    groups = state.permissions.get(category["id"], ()) if viewer.is_staff else ()
    rows = [
        {"permission_type": 1, "group_name": name, "group_id": _group_id(state, name, 40 + number)}
        for number, name in enumerate(groups)
    ]
    return {"category": category | _SHAPES["category_settings"] | {"group_permissions": rows}}


def _group_id(state: ForumState, name: str, usual: int) -> int:
    return int(state.group_settings.get(name, {}).get("id", _GROUP_IDS.get(name, usual)))


def group_view(state: ForumState, name: str) -> Json:
    """`/groups/{name}.json`."""
    usual = {"id": _GROUP_IDS.get(name, 41), "name": name, "automatic": name in _GROUP_IDS, "mentionable": True}
    more = {"messageable": True, "public_admission": False, "user_count": len(list(state.groups[name]))}
    known = _SHAPES["group"] | usual | more | state.group_settings.get(name, {})
    return {"group": known, "extras": {"visible_group_names": [name]}}


def created_post(topic: Topic, post: Json) -> Json:
    """What Discourse answers to a new post."""
    address = f"/t/{topic.fields['slug']}/{topic.id}/{post['post_number']}"
    more = {"raw": post["raw"], "post_url": address, "posts_count": len(topic.living()), "draft_sequence": 0}
    return post_view(topic, post) | more


def message_list(topics: list[Topic]) -> Json:
    """`/topics/private-messages-sent/{username}.json`."""
    return {"users": [], "topic_list": {"per_page": LIST_PAGE, "topics": [_row(topic) for topic in topics[:LIST_PAGE]]}}


def site(state: ForumState, names: Mapping[int, str], viewer: Viewer) -> Json:
    groups = [
        {"id": 40 + number, "name": name, "automatic": False, "flair_url": None, "flair_bg_color": None}
        | {"flair_color": None}
        for number, name in enumerate(state.groups)
    ]
    return _SHAPES["site"] | {"groups": groups, "categories": categories(state, names, viewer)}


def basic_info(title: str, *, login_required: bool) -> Json:
    return _SHAPES["basic_info"] | {"title": title, "login_required": login_required}


def about(state: ForumState, title: str) -> Json:
    admins, moderators = state.staff()
    people = {"admins": _users(admins), "moderators": _users(moderators)}
    return {"about": {"title": title, "description": "", "stats": {"topics_count": len(state.topics)}, **people}}


def members(names: list[str], *, limit: int, offset: int) -> Json:
    page = [_user(name) | _SHAPES["member"] for name in names[offset : offset + limit]]
    return {"members": page, "owners": [], "meta": {"total": len(names), "limit": limit, "offset": offset}}


def _posts(topic: Topic, posts: Iterable[Json], *, with_raw: bool) -> list[Json]:
    return [post_view(topic, post) | ({"raw": post["raw"]} if with_raw else {}) for post in posts]


def _common(topic: Topic) -> Json:
    """What topic views and list rows both say."""
    posts = topic.living()
    numbers = [int(post["post_number"]) for post in posts]
    first = topic.posts[0]["created_at"] if topic.posts else "1970-01-01T00:00:00Z"
    return {
        "fancy_title": topic.fields["title"],
        "posts_count": len(topic.spoken()),
        "reply_count": max(len(topic.spoken()) - 1, 0),
        "highest_post_number": max(numbers, default=0),
        "created_at": instant_text(parse_instant(first)),
        "last_posted_at": last_posted_at(topic),
    }


def _row(topic: Topic) -> Json:
    solved = bool(topic.fields.get("accepted_answer")) or any(post.get("accepted_answer") for post in topic.living())
    last = topic.living()[-1].get("username") if topic.living() else None
    posters = [{"extras": "latest", "description": "Most Recent Poster", "user_id": 1, "primary_group_id": None}]
    known = {"bumped_at": topic.bumped_at, "has_accepted_answer": solved, "last_poster_username": last}
    own = {key: value for key, value in topic.fields.items() if key not in ("accepted_answer", "details")}
    return _SHAPES["row"] | _common(topic) | known | {"posters": posters} | own | {"tags": _tags(topic)}


def _tags(topic: Topic) -> list[Json]:
    tags = topic.fields["tags"]
    return [tag if isinstance(tag, dict) else {"id": n, "name": tag, "slug": tag} for n, tag in enumerate(tags, 1)]


def _user(name: str | None) -> Json:
    return {"id": 1, "username": name, "name": "", "avatar_template": _AVATAR}


def _participant(topic: Topic, name: str | None) -> Json:
    own = [post for post in topic.living() if post.get("username") == name]
    rights = {"admin": own[-1]["admin"], "moderator": own[-1]["moderator"]} if own else {}
    return _user(name) | _SHAPES["participant"] | rights | {"post_count": len(own)}


def _users(posts: Iterable[Json]) -> list[Json]:
    return [_user(post["username"]) | {"admin": post["admin"], "moderator": post["moderator"]} for post in posts]


def _category(state: ForumState, key: int, name: str) -> Json:
    slug = name.lower().replace(" ", "-")
    address = {"topic_url": f"/t/about-{key}/{key}", "slug": slug}
    return _SHAPES["category"] | address | {"id": key, "name": name, "read_restricted": state.is_restricted(key)}
