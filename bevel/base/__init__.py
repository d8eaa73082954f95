"""Dtypes and promotion, avals, errors, settings: what needs neither an engine nor a trace.

The ground floor: `dtypes` and `lattice` say which dtypes there are and how they meet, `avals` what is known of an
array beforehand, `dimensions` sizes that are not known yet, `settings` what a user can switch.
"""
