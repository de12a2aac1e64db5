"""An environment from one that exists: a separate copy in which what names the old place names the new one."""
