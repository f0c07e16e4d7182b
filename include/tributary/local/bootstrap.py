"""Prepares .venv from the locks; runs on a bare Python 3.11+ before any dependency exists.

uv does it where it is present and works, else venv and pip. A stamp makes a second run quick.
Standard library only, and nothing of ours is imported.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import shutil
import ssl
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
# `make prove-celery` prepares a second one, with the packages of the image.
VENV = ROOT / os.environ.get("TRIBUTARY_VENV", ".venv")
STAMP = VENV / ".tributary-setup"
LOCKS = os.environ.get("TRIBUTARY_LOCKS", "requirements.txt requirements-dev.txt").split()
NEEDED_MB = 1500
_BUNDLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT")


class SetupError(Exception):
    """What to tell the user; no traceback."""


def main() -> int:
    try:
        setup()
    except SetupError as error:
        complain(f"{error}")
        return 2
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        complain(f"{error.strerror or error}{where}")
        return 2
    except KeyboardInterrupt:
        complain("interrupted; run it again to go on")
        return 130
    return 0


def setup() -> None:
    """Bring .venv to the locks; nothing happens when it is there already."""
    fingerprint = _fingerprint()
    if _is_ready(fingerprint):
        return
    started = time.monotonic()
    if problem := certificate_problem(os.environ):
        raise SetupError(problem)
    _check_disk()
    uv = _working_uv()
    say(f"preparing {VENV.name} with {'uv' if uv else 'pip'} (Python {sys.version.split()[0]}) ...")
    if not (uv and _install_with_uv(uv)):
        _install_with_pip()
    STAMP.write_text(fingerprint)
    seconds = time.monotonic() - started
    say(f"{VENV.name} is ready after {seconds:.0f} s; the command is {VENV.name}/bin/tributary")


def say(text: str) -> None:
    sys.stdout.write(f"setup: {text}\n")
    sys.stdout.flush()


def complain(text: str) -> None:
    sys.stderr.write(f"setup: {text}\n")


def certificate_problem(environ: os._Environ[str] | dict[str, str]) -> str:
    """A sentence about a certificate bundle in the environment that cannot be used, or ''."""
    for name in _BUNDLES:
        value = environ.get(name, "")
        if not value or (name != "SSL_CERT_FILE" and Path(value).is_dir()):
            continue
        fix = f"Correct {name}, or unset it to use the system's certificates."
        if not Path(value).is_file():
            return f"{name} names {value}, which does not exist. {fix}"
        try:
            loaded = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            loaded.load_verify_locations(cafile=value)
        except (ssl.SSLError, OSError):
            return f"{name} names {value}, which holds no certificates that can be read. {fix}"
    return ""


def _fingerprint() -> str:
    digest = hashlib.sha256(str(ROOT).encode())
    for name in (*LOCKS, "pyproject.toml"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def _is_ready(fingerprint: str) -> bool:
    return (
        STAMP.is_file()
        and STAMP.read_text() == fingerprint
        and (VENV / "bin" / "tributary").is_file()
        and _runs(_python())
    )


def _python() -> Path:
    return VENV / "bin" / "python"


def _runs(python: Path) -> bool:
    code = "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))"
    return python.exists() and _succeeds([str(python), "-I", "-c", code])


def _succeeds(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _check_disk() -> None:
    if not VENV.exists() and (free := shutil.disk_usage(ROOT).free / 1e6) < NEEDED_MB:
        raise SetupError(
            f"only {free:.0f} MB are free on the disk of {ROOT}; the packages need {NEEDED_MB} MB."
            " Free some space and run it again."
        )


def _working_uv() -> str | None:
    """uv on the PATH if it really runs (a shim may not), unless TRIBUTARY_UV=0."""
    uv = shutil.which("uv")
    wanted = os.environ.get("TRIBUTARY_UV", "1") != "0"
    return uv if uv and wanted and _succeeds([uv, "--version"]) else None


def _base_python() -> str:
    """The interpreter to build .venv on; never the one inside .venv, which may be replaced."""
    return str(getattr(sys, "_base_executable", "") or sys.executable)


def _install_with_uv(uv: str) -> bool:
    """Whether uv could do it; what it says when it cannot is shown."""
    base = _base_python()
    if not _runs(_python()):
        shutil.rmtree(VENV, ignore_errors=True)
        if not _run([uv, "venv", "--quiet", "--no-project", "--python", base, str(VENV)]):
            return _uv_failed()
    install = [uv, "pip", "install", "--quiet", "--python", str(_python())]
    locks = [part for name in LOCKS for part in ("-r", str(ROOT / name))]
    if not _run([*install, *locks]):
        return _uv_failed()
    return _run([*install, "--no-deps", "--no-build-isolation", "-e", str(ROOT)]) or _uv_failed()


def _uv_failed() -> bool:
    say("uv could not do it (above); trying pip")
    return False


def _install_with_pip() -> None:
    pip = _make_venv()
    locks = [part for name in LOCKS for part in ("-r", str(ROOT / name))]
    quiet = ["install", "--quiet", "--disable-pip-version-check"]
    if not _run([*pip, *quiet, *locks]):
        raise SetupError(
            "pip could not install the locked packages (its reason is above). It needs the package"
            " registry, or a mirror set by PIP_INDEX_URL."
        )
    if not _run([*pip, *quiet, "--no-deps", "--no-build-isolation", "-e", str(ROOT)]):
        raise SetupError("pip could not install the project itself (its reason is above).")


def _make_venv() -> list[str]:
    """Make .venv if it does not run; returns the pip command for it."""
    python = _python()
    inner = [str(python), "-m", "pip"]
    if _runs(python) and _succeeds([*inner, "--version"]):
        return inner
    base = _base_python()
    shutil.rmtree(VENV, ignore_errors=True)
    if _succeeds([base, "-c", "import ensurepip, venv"]):
        if not _run([base, "-m", "venv", str(VENV)]):
            raise SetupError(f"{base} -m venv failed (its reason is above).")
        return inner
    outer = [base, "-m", "pip", "--python", str(python)]
    has_pip = importlib.util.find_spec("venv") and _succeeds([base, "-m", "pip", "--version"])
    if has_pip and _run([base, "-m", "venv", "--without-pip", str(VENV)]):
        return outer
    major, minor = sys.version_info[:2]
    raise SetupError(
        f"Python {major}.{minor} is here, but its venv module is not. Install it:"
        f" apt-get install python3-venv (or python{major}.{minor}-venv), then run this again."
    )


def _run(command: list[str]) -> bool:
    environ = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "PYTHONPATH")}
    with contextlib.suppress(FileNotFoundError):
        return subprocess.run(command, env=environ, cwd=ROOT, check=False).returncode == 0
    return False


if __name__ == "__main__":
    sys.exit(main())
