"""Posts to words: markup, sentences, language, form of address."""
