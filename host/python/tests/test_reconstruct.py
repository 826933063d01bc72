"""Whole runs: results, resume, events, failures, and that they can be stopped from every side."""

import _thread
import json
import pickle
import signal
import tempfile
import threading
import unittest
from pathlib import Path

import numpy as np

import scene3d
from scene import DUMMY, hostile, photos


class Folders(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.out = self.folder / "out"


class Runs(Folders):
    def test_a_model_is_in_memory_and_in_files(self):
        events = []
        model = scene3d.Pipeline(DUMMY).reconstruct(photos(), self.out, on_event=events.append)
        report = json.loads((self.out / "report.json").read_text())
        self.assertEqual((model.num_images, model.num_registered, model.num_models), (6, 6, 1))
        self.assertEqual(report["statistics"]["num_points3d"], len(model.points))
        self.assertEqual((model.points.shape[1:], model.points.dtype), ((3,), "float64"))
        self.assertEqual((model.colors.shape, model.colors.dtype), ((len(model.points), 3), "uint8"))
        self.assertEqual(model.names, sorted(path.name for path in photos().iterdir()))
        rotations = model.cam_from_world.numpy()[:, :, :3]
        np.testing.assert_allclose(rotations @ rotations.transpose(0, 2, 1), np.tile(np.eye(3), (6, 1, 1)), atol=1e-9)
        self.assertEqual((Path(model.out), Path(model.report)), (self.out, self.out / "report.html"))
        started = [event["stage"] for event in events if event["event"] == "stage_started"]
        self.assertEqual(started, ["read", "extract", "pair", "match", "map", "export"])
        self.assertTrue(all(isinstance(event["time"], str) for event in events))

    def test_the_command_line_makes_the_same_model(self):
        import os
        import subprocess

        scene3d.Pipeline(DUMMY).reconstruct(photos(), self.out)
        config = self.folder / "dummy.toml"
        config.write_text(
            '[[features]]\nextractor = { plugin = "dummy-extractor" }\nmatcher = { plugin = "dummy-matcher" }\n'
            '[mapper]\nplugin = "dummy-mapper"\n'
        )
        other = self.folder / "other"
        command = [os.environ["SCENE3D_PROGRAM"], "reconstruct", photos(), "--config", config, "--out", other]
        subprocess.run(command, check=True, capture_output=True)
        for name in ("cameras.bin", "images.bin", "points3D.bin"):
            self.assertEqual((self.out / "model" / name).read_bytes(), (other / "model" / name).read_bytes(), name)

    def test_files_are_photos_too_and_without_a_folder_nothing_is_left(self):
        model = scene3d.Pipeline(DUMMY).reconstruct(sorted(photos().iterdir())[:3])
        out, points = Path(model.out), model.points
        self.assertTrue((out / "report.html").is_file())
        self.assertEqual(model.num_registered, 3)
        del model
        self.assertFalse(out.exists())
        self.assertEqual(points.numpy().shape, points.shape)

    def test_a_finished_run_is_not_run_again(self):
        pipeline, events = scene3d.Pipeline(DUMMY), []
        pipeline.reconstruct(photos(), self.out)
        pipeline.reconstruct(photos(), self.out, on_event=events.append)
        self.assertEqual(reused(events)["extract"], (6, 6))
        with self.assertRaises(scene3d.Error) as raised:
            pipeline.reconstruct(photos(), self.out, resume=False)
        self.assertEqual((raised.exception.code, raised.exception.help), ("invalid_input", "pass resume=True to go on with it"))


class Stops(Folders):
    def setUp(self):
        super().setUp()
        # a shell ignores Ctrl-C for what it runs in the background, and then Python does not listen for it
        self.addCleanup(signal.signal, signal.SIGINT, signal.signal(signal.SIGINT, signal.default_int_handler))

    def test_ctrl_c_cancels_a_run_that_hangs(self):
        hangs = threading.Event()
        threading.Thread(target=lambda: (hangs.wait(), _thread.interrupt_main()), daemon=True).start()
        with self.assertRaises(KeyboardInterrupt):
            scene3d.Pipeline(hostile("hang_until_cancelled")).reconstruct(photos(), self.out, on_event=when_hanging(hangs))

    def test_ctrl_c_loses_nothing(self):
        def interrupt(event):
            if event["event"] == "stage_finished" and event["stage"] == "extract":
                signal.raise_signal(signal.SIGINT)

        pipeline, events = scene3d.Pipeline(DUMMY), []
        with self.assertRaises(KeyboardInterrupt):
            pipeline.reconstruct(photos(), self.out, on_event=interrupt)
        model = pipeline.reconstruct(photos(), self.out, on_event=events.append)
        self.assertEqual((model.num_registered, reused(events)["extract"]), (6, (6, 6)))

    def test_another_thread_runs_on_and_cancels(self):
        pipeline, hangs = scene3d.Pipeline(hostile("hang_until_cancelled")), threading.Event()
        progress = []

        def other():
            hangs.wait()
            # were the interpreter's lock held, this would never go on
            progress.extend(range(100_000))
            pipeline.cancel()

        thread = threading.Thread(target=other)
        thread.start()
        with self.assertRaises(scene3d.Cancelled) as raised:
            pipeline.reconstruct(photos(), self.out, on_event=when_hanging(hangs))
        thread.join()
        self.assertEqual((len(progress), raised.exception.code), (100_000, "cancelled"))
        self.assertIsInstance(raised.exception, scene3d.Error)
        self.assertEqual(str(raised.exception), "cancelled; the same call goes on with what was finished")

    def test_an_exception_of_on_event_ends_the_run_and_is_raised(self):
        def fail(event):
            seen.append(event["event"])
            if event["event"] == "log":
                raise LookupError("not that one")

        seen = []
        with self.assertRaisesRegex(LookupError, "not that one"):
            scene3d.Pipeline(hostile("hang_until_cancelled")).reconstruct(photos(), self.out, on_event=fail)
        self.assertEqual(seen.count("log"), 1)


class Failures(Folders):
    def test_a_plugin_that_panics_is_named_and_the_next_run_works(self):
        pipeline = scene3d.Pipeline(hostile("panic_in_run"))
        with self.assertRaises(scene3d.Error) as raised:
            pipeline.reconstruct(photos(), self.out)
        error = raised.exception
        self.assertEqual((error.code, error.stage, error.plugin), ("panicked", "extract", "hostile"))
        again = pickle.loads(pickle.dumps(error))
        self.assertEqual((str(again), again.code, again.stage, again.plugin), (str(error), "panicked", "extract", "hostile"))
        self.assertEqual(scene3d.Pipeline(DUMMY).reconstruct(photos()).num_registered, 6)

    def test_mistakes_in_a_config_are_found_at_once(self):
        config = {**DUMMY, "mapper": {"plugin": "dummy-maper"}, "pairing": {"method": "exhaustiv"}}
        with self.assertRaises(scene3d.Error) as raised:
            scene3d.Pipeline(config)
        text = str(raised.exception)
        self.assertIn("2 problems found before anything was run", text)
        self.assertIn("did you mean `dummy-mapper`?", text)

    def test_an_unknown_plugin_tells_where_it_was_looked_for(self):
        with self.assertRaises(scene3d.Error) as raised:
            scene3d.Pipeline(DUMMY, set=["mapper.plugin=mine"], plugin_dirs=[self.folder])
        beside = Path(scene3d.__file__).parent / "plugins"
        for searched in (self.folder, beside):
            self.assertIn(str(searched), str(raised.exception))

    def test_what_is_no_config_is_refused(self):
        with self.assertRaises(scene3d.Error) as raised:
            scene3d.Pipeline(self.folder / "missing.toml")
        self.assertEqual(raised.exception.code, "not_found")
        with self.assertRaises(scene3d.Error) as raised:
            scene3d.Pipeline({"pipeline": None})
        self.assertEqual(raised.exception.code, "invalid_config")
        with self.assertRaises(TypeError):
            scene3d.Pipeline({"pipeline": object()})

    def test_photos_that_are_none(self):
        (self.folder / "a.jpg").write_text("no photo")
        pipeline = scene3d.Pipeline(DUMMY)
        with self.assertRaisesRegex(scene3d.Error, "found 0 usable photos"):
            pipeline.reconstruct(self.folder, self.out)
        with self.assertRaisesRegex(scene3d.Error, "a.jpg"):
            pipeline.extract([self.folder / "a.jpg"])
        with self.assertRaises(TypeError):
            pipeline.reconstruct(7)


def when_hanging(hangs):
    return lambda event: hangs.set() if event.get("message") == "hangs" else None


def reused(events):
    return {e["stage"]: (e["items"], e["reused"]) for e in events if e["event"] == "stage_finished"}


if __name__ == "__main__":
    unittest.main()
