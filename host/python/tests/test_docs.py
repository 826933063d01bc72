"""What `docs/python.md` shows is so."""

import doctest
import tempfile
import unittest
from pathlib import Path

from scene import CHECKOUT, DUMMY, photos


def load_tests(loader, tests, pattern):
    folder = tempfile.TemporaryDirectory()

    def set_up(test):
        config = Path(folder.name) / "dummy.toml"
        config.write_text(
            '[[features]]\nextractor = { plugin = "dummy-extractor" }\nmatcher = { plugin = "dummy-matcher" }\n'
            '[mapper]\nplugin = "dummy-mapper"\n'
        )
        test.globs.update(photos=photos(), config=config, out=Path(folder.name) / "out", DUMMY=DUMMY)

    page = CHECKOUT / "docs" / "python.md"
    clean_up = lambda test: folder.cleanup()
    tests.addTests(doctest.DocFileSuite(str(page), module_relative=False, setUp=set_up, tearDown=clean_up))
    return tests
