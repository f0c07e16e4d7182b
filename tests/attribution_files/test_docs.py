"""docs/attribution.md names every option, model and column, and its notebook example runs."""

from __future__ import annotations

import re
from pathlib import Path

from tributary.attribution import ALL_MODELS
from tributary.attribution_files.output import CREDIT_COLUMNS, EFFECT_COLUMNS, MATRIX_COLUMNS
from tributary.cli import attribute

PAGE = (Path(__file__).resolve().parents[2] / "docs/attribution.md").read_text(encoding="utf-8")


def test_every_option_model_and_column_is_explained() -> None:
    options = {opt for parameter in attribute.params for opt in parameter.opts if opt[:2] == "--"}
    assert len(options) > 20
    assert not [option for option in sorted(options) if option not in PAGE]
    assert not [model for model in ALL_MODELS if f"`{model}`" not in PAGE]
    for columns in (CREDIT_COLUMNS, EFFECT_COLUMNS, MATRIX_COLUMNS):
        assert f"`{','.join(columns)}`" in PAGE


def test_the_notebook_example_runs() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    names: dict[str, object] = {}
    exec(code, names)
    assert "result" in names
