"""Programs of a Debian package that is not to be installed: downloaded and unpacked beside the build."""
import os
import subprocess
from pathlib import Path


def tools(build, package, programs):
    """Paths of the package's programs, or None where it cannot be had or libraries are missing for them."""
    folder = Path(build) / "unpacked" / package
    if not folder.is_dir():
        download = folder.with_suffix(".deb")
        download.mkdir(parents=True, exist_ok=True)
        if _fails(["apt-get", "download", "-q", package], download):
            return None
        for archive in download.glob("*.deb"):
            if _fails(["dpkg", "-x", archive, folder]):
                return None
    paths = [folder.resolve() / program for program in programs]
    return None if any(not path.exists() or _lacks_library(path) for path in paths) else paths


def _fails(command, folder=None):
    return subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
                          env={**os.environ, "LC_ALL": "C"}).returncode != 0


def _lacks_library(path):
    return "not found" in subprocess.run(["ldd", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False).stdout
