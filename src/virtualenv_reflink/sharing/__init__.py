"""What environments that exist already have in common on disk, and what they could."""
