"""Measurements of the loop; each module prints what it measured. `make bench` runs them."""
