"""The modules of `inside/` run in a rendered service: `test_inside.py` copies them there."""

collect_ignore = ["inside"]
