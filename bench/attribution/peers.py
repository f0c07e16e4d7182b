"""The others: where they are installed, and how each is asked for what."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path

from bench.attribution.touches import Files

ENGINES = Path(__file__).with_name("engines")
# One environment each: they want different versions of the same packages.
PACKAGES = {
    "channelattribution": ("ChannelAttribution==2.2.5", "matplotlib", "setuptools"),
    "dp6": ("marketing-attribution-models==2.1.1",),
    "frames": ("polars==2.1.0", "duckdb==2.0.0"),
}


def install(folder: Path, name: str) -> Path:
    """The interpreter of the peer's own environment, made where it is not there yet."""
    home = folder / name
    python = home / "bin" / "python"
    mark = home / "installed"
    wanted = "\n".join(PACKAGES[name])
    if mark.exists() and mark.read_text() == wanted:
        return python
    uv = shutil.which("uv")
    if uv:
        _run([uv, "venv", "-q", "--clear", "--python", sys.executable, str(home)])
        _run([uv, "pip", "install", "-q", "--python", str(python), *PACKAGES[name]])
    else:
        venv.create(home, clear=True, with_pip=True)
        _run([str(python), "-m", "pip", "install", "-q", *PACKAGES[name]])
    mark.write_text(wanted)
    return python


def ours(*arguments: str) -> list[str]:
    """`tributary attribute` with its imports done before the clock starts."""
    return [sys.executable, str(ENGINES / "tributary_command.py"), *arguments]


def from_touches(files: Files, *arguments: str) -> list[str]:
    """Ours on touches, with the rules every other engine here has: all touches of a year count."""
    events = ["--touches", str(files.touches), "--conversions", str(files.conversions)]
    return ours(*events, "--lookback", "365d", "--direct", "as-any", *arguments)


def frames(python: Path, engine: str, files: Files) -> list[str]:
    """polars or DuckDB on touches; as `paths`, DuckDB writes the path file the packages need."""
    script = [str(python), str(ENGINES / "frames.py"), engine]
    target = [str(files.paths)] if engine == "paths" else []
    return [*script, str(files.touches), str(files.conversions), *target]


def package(python: Path, name: str, files: Files, *arguments: str) -> list[str]:
    """A package on the path file."""
    return [str(python), str(ENGINES / f"{name}.py"), str(files.paths), *arguments]


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
