"""From posts to signals, states and severity."""
