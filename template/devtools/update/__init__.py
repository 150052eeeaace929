"""`poe update`: render the old and the new version, merge by git, write at once, report."""
