"""From a request to an environment: the only room that sees the whole way."""
