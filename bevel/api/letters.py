"""What the calls in C++ raise before Python hears of them, made readable."""

from __future__ import annotations

from bevel.transforms.evaluate import translated


def with_letters(call, jitted):
    """The call, with the errors that C++ raises before Python hears of it made readable. It costs 0.2 µs, so only those
    functions have it whose options make such errors likely."""

    def checked(*args, **kwargs):
        try:
            return call(*args, **kwargs)
        except ValueError as error:
            text = str(error)
            if "Non-hashable static arguments" in text:
                jitted.split(args, kwargs)
            elif "deleted or donated" in text:
                raise translated(error) from None
            raise

    return checked
