"""Thread records and files: in and out."""
