"""Where alerts go: the forum's own places, its chat, and what Apprise knows. Each looks before it writes."""
