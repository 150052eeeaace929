"""Commands that ship in the image, each run by `python -m app.commands.NAME`."""
