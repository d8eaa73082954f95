"""What the calls in C++ raise before Python hears of them, made readable."""

from __future__ import annotations

from bevel.transforms.evaluate import retell


def with_letters(call, jitted):
    """The call, with the errors that C++ raises before Python hears of it made readable. It costs 0.2 µs, so only those
    functions have it whose options make such errors likely."""

    def checked(*args, **kwargs):
        try:
            return call(*args, **kwargs)
        except ValueError as error:
            if "Non-hashable static arguments" in str(error):
                jitted.split(args, kwargs)
            else:
                retell(error)
            raise

    return checked
