"""Airflow Dag: ingest_website and ingest_website_hourly, what web analytics counted."""

from __future__ import annotations

from tributary.orchestration.ingest import ingest_dag

daily, hourly = ingest_dag("website")
