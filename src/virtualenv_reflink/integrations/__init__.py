"""One place for each tool that this plugs into."""
