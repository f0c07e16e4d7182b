"""Attribution alone on files, `tributary attribute`: no warehouse, no Airflow.

The models are tributary.attribution's; here is what reads CSV and Parquet and writes the answer.
"""
