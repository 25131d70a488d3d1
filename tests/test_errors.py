"""What is said of an error is read by a person, whatever a file holds."""

import pickle

import pytest

from napari_sciml.errors import LONGEST_SENTENCE, InputError

ADVICE = "; choose another one."


@pytest.mark.parametrize("length", [0, 10, LONGEST_SENTENCE, 10**6])
def test_the_middle_of_a_long_sentence_is_left_out(length):
    said = f"{'x' * length}{ADVICE}"
    told = str(InputError(said))
    assert told.endswith(ADVICE)
    if len(said) > LONGEST_SENTENCE:
        assert len(told) <= LONGEST_SENTENCE + len(" … ")
        assert " … " in told
        assert told.startswith("xxx")
    else:
        assert told == said


def test_workers_and_main_process_tell_the_same():
    error = InputError("y" * 5000)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
