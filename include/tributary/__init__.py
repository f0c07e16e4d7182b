"""Tributary: from vendor API to decision, one closed loop on Postgres."""
