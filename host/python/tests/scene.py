"""What the tests share: a few photos, configs of plugins that take no time, plugins that misbehave."""

import atexit
import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[3]

DUMMY: dict[str, Any] = {
    "features": [{"extractor": {"plugin": "dummy-extractor"}, "matcher": {"plugin": "dummy-matcher"}}],
    "mapper": {"plugin": "dummy-mapper"},
}


def hostile(mode: str) -> dict[str, Any]:
    """A config whose extractor misbehaves."""
    extractor, matcher = {"plugin": "hostile", "mode": mode}, {"plugin": "nearest"}
    return {"features": [{"extractor": extractor, "matcher": matcher}], "mapper": {"plugin": "dummy-mapper"}}


@functools.cache
def photos() -> Path:
    """A folder with six photos of one scene."""
    folder = Path(tempfile.mkdtemp(prefix="scene3d-photos-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    program = os.environ["SCENE3D_PROGRAM"]
    subprocess.run([program, "sample", str(folder), "--num-images", "6"], check=True, stdout=subprocess.DEVNULL)
    return folder / "images"


def weights() -> Path | None:
    """The folder of real weights, or None with a printed reason."""
    folder = Path(os.environ.get("SCENE3D_WEIGHTS", ""))
    if list(folder.glob("aliked-n16rot*")):
        return folder
    print(f"skipped: no weights of ALIKED in {folder}")
    return None
