"""What a moderator reads."""
