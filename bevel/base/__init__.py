"""Dtypes and promotion, avals, errors, settings: what needs neither an engine nor a trace."""
