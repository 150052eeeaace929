"""What every service of this template is held to; `README.md` says what each failure means."""
