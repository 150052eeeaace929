class Refused(Exception):
    """Why a resource cannot be written, in a sentence for the person who typed the command."""
