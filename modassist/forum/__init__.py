"""A Discourse forum, read politely."""
