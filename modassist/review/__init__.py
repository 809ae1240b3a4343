"""Going through findings with a person: what is asked, what a key does, what is shown. Pure but for the clipboard."""
