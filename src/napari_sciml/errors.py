"""The one kind of error that is the user's to mend."""


class InputError(ValueError):
    """What was given cannot be used.

    The message is one sentence for a person: what is wrong and what to do. The
    command line prints it and exits with 2, the docks show it as it is.
    """
