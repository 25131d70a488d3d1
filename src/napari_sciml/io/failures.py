"""What ends a command, in the one sentence that a person gets."""

import os

from pydantic import ValidationError

from napari_sciml.errors import InputError, first_line, one_line, system_reason


def input_sentence(error: BaseException) -> str | None:
    """The sentence on what is the user's to mend; None for what is not."""
    match error:
        case InputError() | ValidationError():
            return one_line(error)
        case MemoryError():
            return _out_of_memory(error)
        case OSError() if error.filename is not None:
            name = os.fsdecode(error.filename)
            return f"{name} cannot be used ({system_reason(error)})."
    return None


def sentence_of(error: Exception) -> str:
    """The same, and a sentence on errors of this program, which others survive."""
    return input_sentence(error) or (
        f"It ended with an unexpected error ({type(error).__name__}: "
        f"{first_line(error)}); run it by itself to see more."
    )


def _out_of_memory(error: MemoryError) -> str:
    import psutil

    from napari_sciml.images.room import size_in_words

    free = size_in_words(psutil.virtual_memory().available)
    what = f" ({first_line(error)})" if str(error) else ""
    return (
        f"There is not enough memory{what}; {free} are free: end other "
        "programs, or take a smaller part of the image."
    )
