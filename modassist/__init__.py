"""modassist: finds the customers a forum let down, and helps staff to make it good."""

__version__ = "0.1.0"
