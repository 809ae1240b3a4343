"""The scheduled bot: when something is due, one tick of it, and whether it is well itself."""
