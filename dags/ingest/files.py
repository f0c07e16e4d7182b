"""Airflow Dag: ingest_files and ingest_files_hourly, what people put into drop folders."""

from __future__ import annotations

from tributary.orchestration.ingest import ingest_dag

daily, hourly = ingest_dag("files")
