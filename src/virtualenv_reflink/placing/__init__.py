"""How single files come into place."""
