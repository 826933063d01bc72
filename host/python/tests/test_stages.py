"""Extractors and matchers outside of a run, processes around them, and what `ping` says."""

import os
import sys
import threading
import types
import unittest
from unittest import mock

import numpy as np

import scene3d
from scene import CHECKOUT, DUMMY, hostile, photos, weights


class Extraction(unittest.TestCase):
    def test_features_come_in_the_order_of_the_photos(self):
        pipeline, events = scene3d.Pipeline(DUMMY), []
        files = sorted(photos().iterdir(), reverse=True)
        found = pipeline.extract(files, on_event=events.append)
        self.assertEqual([features.name for features in found], [path.name for path in files])
        self.assertEqual([features.path for features in found], [str(path) for path in files])
        self.assertEqual([f.name for f in pipeline.extract(photos())], sorted(path.name for path in files))
        first = found[0]
        self.assertEqual((first.keypoints.shape, first.scores.shape), ((len(first), 2), (len(first),)))
        keypoints = first.keypoints.numpy()
        self.assertTrue(((keypoints > 0) & (keypoints < first.image_size)).all())
        extracted = {e["image"]: e["num_keypoints"] for e in events if e["event"] == "extracted"}
        self.assertEqual(extracted, {features.name: len(features) for features in found})

    def test_views_outlive_everything(self):
        pipeline = scene3d.Pipeline(DUMMY)
        found = pipeline.extract(sorted(photos().iterdir())[:1])
        view = found[0].descriptors.numpy()
        copy = view.copy()
        del found, pipeline
        np.testing.assert_array_equal(view, copy)

    def test_cancelled_instances_work_again(self):
        pipeline, hangs = scene3d.Pipeline(hostile("hang_until_cancelled")), threading.Event()
        threading.Thread(target=lambda: (hangs.wait(), pipeline.cancel()), daemon=True).start()
        with self.assertRaises(scene3d.Cancelled):
            pipeline.extract(photos(), on_event=lambda event: hangs.set() if event.get("message") == "hangs" else None)
        works = scene3d.Pipeline(hostile("none"))
        self.assertEqual([len(features) for features in works.extract(photos())], [1] * 6)


class Matching(unittest.TestCase):
    def test_pairs_come_in_the_order_asked_for(self):
        pipeline, events = scene3d.Pipeline(DUMMY), []
        images = pipeline.extract(photos())
        every = pipeline.match(images, on_event=events.append)
        self.assertEqual((len(every), len([e for e in events if e["event"] == "progress"])), (15, 15))
        some = pipeline.match(images, [(4, 5), (0, 1)])
        for found, expected in zip(some, (every[14], every[0]), strict=True):
            np.testing.assert_array_equal(found.indices.numpy(), expected.indices.numpy())
            np.testing.assert_array_equal(found.scores.numpy(), expected.scores.numpy())
            self.assertEqual((found.indices.shape, found.scores.dtype), ((len(found), 2), "float32"))

    def test_features_of_others_are_matched_without_a_copy(self):
        pipeline = scene3d.Pipeline(DUMMY, set=["features.0.matcher.plugin=nearest"])
        rng = np.random.default_rng(0)
        descriptors = rng.normal(size=(50, 8)).astype(np.float32)
        descriptors /= np.linalg.norm(descriptors, axis=1, keepdims=True)
        keypoints, scores = rng.uniform(1, 90, (50, 2)).astype(np.float32), np.ones(50, np.float32)
        order = rng.permutation(50)
        ours = scene3d.Features(keypoints, scores, descriptors, (100, 100), name="ours")
        theirs = scene3d.Features(keypoints[order], scores, descriptors[order], (100, 100))
        nothing = scene3d.Features(keypoints[:0], scores[:0], descriptors[:0], (100, 100))
        self.assertEqual(ours.keypoints.numpy().ctypes.data, keypoints.ctypes.data)
        found, none, _ = pipeline.match([ours, theirs, nothing])
        indices = found.indices.numpy()
        self.assertEqual((len(found), len(none)), (50, 0))
        np.testing.assert_array_equal(indices[:, 0], order[indices[:, 1]])

    def test_what_does_not_fit_is_refused(self):
        ones = np.ones((3, 2), np.float32)
        for arrays, words in (
            ((ones, ones[:, 0], ones), "row-major"),
            ((ones, np.ones(4, np.float32), ones), "N=3"),
            ((ones.astype(np.float64), np.ones(3, np.float32), ones), "f64, expected f32"),
        ):
            with self.assertRaisesRegex(scene3d.Error, words):
                scene3d.Features(*arrays, (10, 10))
        pipeline = scene3d.Pipeline(DUMMY)
        images = pipeline.extract(photos())
        for wrong in ([(0, 0)], [(0, 6)]):
            with self.assertRaisesRegex(scene3d.Error, "expected two different places below 6"):
                pipeline.match(images, wrong)
        with self.assertRaisesRegex(scene3d.Error, "entry 1, expected less than 1"):
            pipeline.extract(photos(), entry=1)


class Surroundings(unittest.TestCase):
    def test_ping_opens_the_plugins(self):
        pipeline = scene3d.Pipeline(DUMMY)
        self.assertIsNone(pipeline.ping())
        self.assertEqual(sorted(pipeline.plugins), ["dummy-extractor", "dummy-mapper", "dummy-matcher"])
        self.assertEqual(pipeline.config["pairing"]["method"], "exhaustive")
        self.assertEqual(repr(pipeline), "scene3d.Pipeline(dummy-extractor+dummy-matcher, dummy-mapper)")

    def test_ping_tells_a_plugin_that_panicked_too_often(self):
        pipeline = scene3d.Pipeline(hostile("panic_in_run"))
        for _ in range(3):
            with self.assertRaises(scene3d.Error):
                pipeline.extract(photos())
        with self.assertRaisesRegex(scene3d.Error, "plugin `hostile` is disabled"):
            pipeline.ping()

    def test_another_libtorch_is_refused_before_it_ends_the_process(self):
        if weights() is None:
            self.skipTest("no weights")
        torch = types.ModuleType("torch")
        torch.__version__ = "1.0.0+cpu"
        with mock.patch.dict(sys.modules, {"torch": torch}):
            scene3d.Pipeline(DUMMY).ping()
            with self.assertRaisesRegex(scene3d.Error, "torch 1.0.0") as raised:
                scene3d.Pipeline(CHECKOUT / "configs/aliked+nearest.toml")
        self.assertEqual(raised.exception.code, "incompatible")

    @unittest.skipUnless(hasattr(os, "fork"), "no fork here")
    def test_a_forked_process_is_told_to_make_its_own(self):
        pipeline = scene3d.Pipeline(DUMMY)
        pipeline.ping()
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                pipeline.extract(photos())
                said = "nothing"
            except scene3d.Error as error:
                said = f"{error.code}: {error.help}"
            os.write(writer, said.encode())
            os._exit(0)
        os.close(writer)
        os.waitpid(child, 0)
        with os.fdopen(reader) as pipe:
            self.assertEqual(
                pipe.read(),
                "unsupported: make it in the process that uses it: threads of plugins do not survive a fork",
            )


class RealPlugins(unittest.TestCase):
    def test_aliked_lightglue_and_colmap_reconstruct(self):
        if weights() is None:
            self.skipTest("no weights")
        few = ["features.0.extractor.max_keypoints=512"]
        pipeline = scene3d.Pipeline(CHECKOUT / "configs/aliked+lightglue.toml", set=few)
        files = sorted(photos().iterdir())[:4]
        model = pipeline.reconstruct(files)
        self.assertGreaterEqual(model.num_registered, 3)
        images = pipeline.extract(files[:2])
        found = pipeline.match(images)[0]
        self.assertGreater(len(found), 50)
        first, second = (image.keypoints.numpy() for image in images)
        pairs = found.indices.numpy()
        self.assertTrue((pairs < (len(first), len(second))).all())


if __name__ == "__main__":
    unittest.main()
