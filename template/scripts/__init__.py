"""Commands for development; `poe` calls them. None of this is part of the running service."""
