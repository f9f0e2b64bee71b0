"""The figures in the documentation, made anew by ``make bench``."""
