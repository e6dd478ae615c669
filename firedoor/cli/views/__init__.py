"""Data to what a terminal shows. Pure: the same value always gives the same picture."""
