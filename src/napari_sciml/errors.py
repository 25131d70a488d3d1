"""The one kind of error that is the user's to mend."""


class InputError(ValueError):
    """What was given cannot be used.

    The message is one sentence for a person: what is wrong and what to do. The
    command line prints it and exits with 2, the docks show it as it is.
    """


def one_line(error: Exception) -> str:
    """The message of an error that is the user's, of one line.

    Of settings that pydantic refuses, the first one: its name and what is wrong.
    """
    problems = getattr(error, "errors", None)
    if problems is None:
        return str(error)
    first = problems()[0]
    place = ".".join(str(part) for part in first["loc"])
    message = str(first["msg"]).removeprefix("Value error, ")
    sentence = f"{place}: {message}" if place else message[:1].upper() + message[1:]
    return sentence.rstrip(".") + "."


def first_line(error: Exception) -> str:
    """What a library says of a failure, of one line; its kind where it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def system_reason(error: OSError) -> str:
    """Why the system refused something, in its words, to stand within a sentence."""
    return (error.strerror or str(error)).lower()
