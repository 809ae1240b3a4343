"""What was learned from labelled threads: features, the model file, and its scores."""
