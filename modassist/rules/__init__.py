"""Rule packs: from YAML to hits."""
