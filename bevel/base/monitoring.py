"""Events and how long they took, told to whoever listens: `jax.monitoring`.

Nobody listens unless a program asks, and then an event costs a call of each listener.

>>> from bevel.base import monitoring
>>> seen = []
>>> listener = lambda event, **more: seen.append(event)
>>> monitoring.register_event_listener(listener)
>>> monitoring.record_event("/mine/started", run=3)
>>> seen
['/mine/started']
>>> monitoring.unregister_event_listener(listener)
"""

from __future__ import annotations

from collections.abc import Callable

_events: list[Callable] = []
_durations: list[Callable] = []
_spans: list[Callable] = []
_scalars: list[Callable] = []


def record_event(event: str, **kwargs: str | int) -> None:
    """Tells that something happened: `listener(event, **kwargs)`."""
    for listener in _events:
        listener(event, **kwargs)


def record_event_duration_secs(event: str, duration: float, **kwargs: str | int) -> None:
    """Tells how long something took: `listener(event, duration, **kwargs)`."""
    for listener in _durations:
        listener(event, duration, **kwargs)


def record_event_time_span(event: str, start_time: float, end_time: float, **kwargs: str | int) -> None:
    """Tells when something began and ended: `listener(event, start_time, end_time, **kwargs)`."""
    for listener in _spans:
        listener(event, start_time, end_time, **kwargs)


def record_scalar(event: str, value: float | int, **kwargs: str | int) -> None:
    """Tells a number: `listener(event, value, **kwargs)`."""
    for listener in _scalars:
        listener(event, value, **kwargs)


def register_event_listener(callback: Callable) -> None:
    _events.append(callback)


def register_event_duration_secs_listener(callback: Callable) -> None:
    _durations.append(callback)


def register_event_time_span_listener(callback: Callable) -> None:
    _spans.append(callback)


def register_scalar_listener(callback: Callable) -> None:
    _scalars.append(callback)


def unregister_event_listener(callback: Callable) -> None:
    _events.remove(callback)


def unregister_event_duration_listener(callback: Callable) -> None:
    _durations.remove(callback)


def unregister_event_time_span_listener(callback: Callable) -> None:
    _spans.remove(callback)


def unregister_scalar_listener(callback: Callable) -> None:
    _scalars.remove(callback)


def clear_event_listeners() -> None:
    """Nobody listens any more."""
    for listeners in (_events, _durations, _spans, _scalars):
        listeners.clear()
