"""The types that the package promises are those that it has, and it needs NumPy alone."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import scene3d

USES = """
from pathlib import Path
from typing import Any
import numpy as np
import scene3d

def heard(event: dict[str, Any]) -> None: ...

pipeline = scene3d.Pipeline(Path("a.toml"), set=["pipeline.seed=1"])
model: scene3d.Reconstruction = pipeline.reconstruct(["a.jpg", Path("b.jpg")], on_event=heard)
images = pipeline.extract("photos")
own = scene3d.Features(np.ones((1, 2)), images[0].scores, np.ones((1, 8)), (10, 10))
for found in pipeline.match([*images, own], [(0, 1)]):
    if isinstance(found, scene3d.Matches):
        np.from_dlpack(found.indices)
text: str = scene3d.Worker().run("{}", print)
try:
    pipeline.ping()
except scene3d.Cancelled as error:
    help: str = error.help
"""
MISUSES = ["scene3d.Pipeline(7)", 'pipeline.reconstruct("photos", resume="no")', "pipeline.match(['a'])", "model.point"]


# mypy leaves its notes in the folder that it runs in
CACHE = tempfile.TemporaryDirectory()


def setUpModule():
    unittest.addModuleCleanup(CACHE.cleanup)


def run(*command):
    return subprocess.run([sys.executable, *command], capture_output=True, text=True, cwd=CACHE.name)


class Types(unittest.TestCase):
    def test_the_stubs_are_those_of_the_module(self):
        checked = run("-m", "mypy.stubtest", "scene3d", "--ignore-disjoint-bases")
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)

    def test_the_package_says_that_it_is_typed(self):
        self.assertTrue((Path(scene3d.__file__).parent / "py.typed").is_file())

    def test_uses_pass_and_misuses_do_not(self):
        with tempfile.TemporaryDirectory() as folder:
            uses = Path(folder, "uses.py")
            uses.write_text(USES)
            checked = run("-m", "mypy", "--strict", uses)
            self.assertEqual(checked.returncode, 0, checked.stdout)
            for misuse in MISUSES:
                uses.write_text(USES + misuse + "\n")
                self.assertEqual(run("-m", "mypy", "--strict", uses).returncode, 1, misuse)

    def test_numpy_is_all_that_is_needed(self):
        code = "import sys; before = set(sys.modules); import scene3d; print(*sorted(set(sys.modules) - before))"
        imported = {name.split(".")[0] for name in run("-c", code).stdout.split()}
        self.assertEqual(imported - set(sys.stdlib_module_names), {"scene3d"})


if __name__ == "__main__":
    unittest.main()
