"""The one kind of error that is the user's to mend."""

LONGEST = 200
"""Letters of what a library says that are passed on."""
LONGEST_SENTENCE = 1200
"""Letters of a sentence; what it names may be of any length."""


class InputError(ValueError):
    """What was given cannot be used.

    The message is one sentence for a person: what is wrong and what to do. The
    command line prints it and exits with 2, the docks show it as it is. Of a longer one
    than anybody reads, the middle is left out: its end may say what to do.
    """

    def __init__(self, sentence: str = "") -> None:
        super().__init__(_without_middle(sentence))


def one_line(error: Exception) -> str:
    """The message of an error that is the user's, of one line.

    Of settings that pydantic refuses, the first one: its name and what is wrong.
    """
    problems = getattr(error, "errors", None)
    if problems is None:
        return str(error)
    first = problems()[0]
    place = ".".join(str(part) for part in first["loc"])
    message = _shortened(str(first["msg"]).removeprefix("Value error, "), 2 * LONGEST)
    sentence = f"{place}: {message}" if place else message[:1].upper() + message[1:]
    return sentence.rstrip(".") + "."


def first_line(error: BaseException) -> str:
    """What a library says of a failure, of one line; its kind where it says nothing.

    It may repeat what stands in a file, of whatever length: that is cut.
    """
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return _shortened(lines[0], LONGEST)


def system_reason(error: OSError) -> str:
    """Why the system refused something, in its words, to stand within a sentence."""
    return (error.strerror or str(error)).lower()


def _without_middle(text: str) -> str:
    if len(text) <= LONGEST_SENTENCE:
        return text
    return f"{text[: LONGEST_SENTENCE - LONGEST]} … {text[-LONGEST:]}"


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[:most] + " …"
