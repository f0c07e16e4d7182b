"""The attribution engine against the best others, on the same touches, on this machine."""
