"""The service's worker in this process: the same request, the same lines, the same ending as of `scene3d worker`."""

import hashlib
import json
import os
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

import scene3d
from scene import photos

DUMMY_TOML = """
[[features]]
extractor = { plugin = "dummy-extractor" }
matcher = { plugin = "dummy-matcher" }
[mapper]
plugin = "dummy-mapper"
"""
HOSTILE_TOML = DUMMY_TOML.replace('"dummy-extractor"', '"hostile", mode = "hang_until_cancelled"').replace(
    "dummy-matcher", "nearest"
)


class Jobs(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        # what the service makes of a folder that stores objects
        (self.folder / "objects" / "staging").mkdir(parents=True)
        self.images = [self.put(path) for path in sorted(photos().iterdir())]
        self.worker = scene3d.Worker(cache_dir=self.folder / "cache")

    def put(self, path):
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        stored = self.folder / "objects" / "images" / sha256[:2] / sha256
        stored.parent.mkdir(parents=True, exist_ok=True)
        stored.write_bytes(path.read_bytes())
        return {"name": path.name, "sha256": sha256}

    def request(self, job_id, config=DUMMY_TOML, images=None):
        return {
            "job_id": job_id,
            "attempt": 1,
            "images": self.images if images is None else images,
            "config_name": "dummy",
            "config_toml": config,
            "work_folder": str(self.folder / "work" / job_id),
            "inherit_from": None,
            "objects_url": f"file://{self.folder}/objects",
            "max_pixels": 10**9,
        }

    def test_a_job_tells_what_the_worker_process_tells(self):
        lines = []
        ending = json.loads(self.worker.run(json.dumps(self.request("job_1")), lines.append))
        self.assertEqual((ending["ending"], ending["statistics"]["num_registered"]), ("finished", 6))
        ours = [json.loads(line) for line in lines]
        self.assertEqual(ours[-1], {"job": "job_1", "told": {"ended": {"ending": ending, "retires": False}}})

        command = [os.environ["SCENE3D_PROGRAM"], "worker", "--cache-dir", self.folder / "cache"]
        run = json.dumps({"run": {**self.request("job_1"), "work_folder": str(self.folder / "work/other")}})
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        process.stdin.write(run + "\n")
        process.stdin.flush()
        theirs = []
        while not theirs or "ended" not in theirs[-1]["told"]:
            theirs.append(json.loads(process.stdout.readline()))
        process.communicate()
        self.assertEqual(stages(ours), stages(theirs))
        self.assertEqual(artifacts(ours).keys(), artifacts(theirs).keys())
        for name in ("model/points3D.bin", "scene.tiles", "points.ply"):
            self.assertEqual(artifacts(ours)[name]["sha256"], artifacts(theirs)[name]["sha256"], name)
            self.assertTrue((self.folder / "objects" / artifacts(ours)[name]["object_key"]).is_file())

    def test_the_next_job_goes_on_with_the_same_plugins(self):
        for job_id in ("job_1", "job_2"):
            ending = json.loads(self.worker.run(json.dumps(self.request(job_id))))
            self.assertEqual(ending["ending"], "finished")
        lines = []
        self.worker.run(json.dumps(self.request("job_2")), lines.append)
        self.assertEqual(stages([json.loads(line) for line in lines])["extract"], (6, 6))

    def test_a_job_is_cancelled_by_its_id_also_while_it_waits_for_its_turn(self):
        hangs, endings = threading.Event(), {}

        def run(job_id):
            on_event = lambda line: hangs.set() if "hangs" in line else None
            endings[job_id] = json.loads(self.worker.run(json.dumps(self.request(job_id, HOSTILE_TOML)), on_event))

        first = threading.Thread(target=run, args=("job_1",))
        first.start()
        hangs.wait()
        waits = threading.Thread(target=run, args=("job_2",))
        waits.start()
        self.worker.cancel("job_3")
        while waits.is_alive():
            self.worker.cancel("job_2")
            waits.join(0.01)
        self.assertEqual(endings, {"job_2": {"ending": "cancelled"}})
        self.worker.cancel("job_1")
        first.join()
        self.assertEqual(endings["job_1"], {"ending": "cancelled"})

    def test_a_job_that_fails_says_why(self):
        broken = DUMMY_TOML.replace("dummy-mapper", "dummy-maper")
        ending = json.loads(self.worker.run(json.dumps(self.request("job_1", broken))))
        self.assertEqual((ending["ending"], ending["code"]), ("failed", "not_found"))
        ending = json.loads(self.worker.run(json.dumps(self.request("job_2", images=self.images[:1]))))
        self.assertEqual((ending["ending"], ending["code"]), ("failed", "too_few_images"))

    def test_what_holds_for_every_job(self):
        worker = scene3d.Worker(cache_dir=self.folder / "cache", set=["mapper.plugin=dummy-maper"])
        ending = json.loads(worker.run(json.dumps(self.request("job_1"))))
        self.assertIn("dummy-maper", ending["message"])

    def test_parts_of_a_job_are_done_by_another_worker(self):
        splitting = scene3d.Worker(cache_dir=self.folder / "splitting", split=(6, 4, 4))
        other = scene3d.Worker(cache_dir=self.folder / "other")
        lines, parts, progress = [], [], []

        def hear(line):
            lines.append(json.loads(line))
            if "parts" in lines[-1]["told"]:
                parts.append(lines.pop()["told"]["parts"])
                for part in parts[-1]:
                    self.assertEqual(other.run_part(json.dumps(part), progress.append), '"done"')
                splitting.answer("job_1", '{"progress": 3}')
                splitting.answer("job_1", '"done"')

        request = {**self.request("job_1"), "work_folder": "work/job_1"}
        ending = json.loads(splitting.run(json.dumps(request), hear))
        self.assertEqual((ending["ending"], ending["statistics"]["num_registered"]), ("finished", 6))
        self.assertEqual([[len(part["job"]["images"]) for part in some] for some in parts], [[4, 2], [4, 4, 4]])
        self.assertTrue(any('"progress"' in line for line in progress))
        whole = []
        self.worker.run(json.dumps(self.request("job_2")), lambda line: whole.append(json.loads(line)))
        self.assertEqual(stages(lines), stages(whole))
        self.assertEqual(artifacts(lines)["scene.tiles"]["sha256"], artifacts(whole)["scene.tiles"]["sha256"])

    def test_a_part_that_fails_fails_the_job(self):
        splitting = scene3d.Worker(cache_dir=self.folder / "splitting", split=(6, 4, 4))
        failure = {"code": "worker_lost", "stage": None, "plugin": None, "message": "gone", "help": "", "transient": False}

        def hear(line):
            if "parts" in json.loads(line)["told"]:
                splitting.answer("job_1", json.dumps({"failed": failure}))

        request = {**self.request("job_1"), "work_folder": "work/job_1"}
        ending = json.loads(splitting.run(json.dumps(request), hear))
        self.assertEqual(ending, {"ending": "failed", **failure})
        with self.assertRaisesRegex(scene3d.Error, "the answer is not one to a job"):
            splitting.answer("job_1", '"perhaps"')
        with self.assertRaisesRegex(scene3d.Error, "the part is not a job's part"):
            splitting.run_part("{}")

    def test_what_is_no_request_is_refused(self):
        with self.assertRaisesRegex(scene3d.Error, "the request is not a job: missing field `attempt`"):
            self.worker.run('{"job_id": "job_1"}')

    def test_an_exception_of_on_event_cancels_the_job(self):
        def fail(line):
            raise LookupError("not that one")

        with self.assertRaisesRegex(LookupError, "not that one"):
            self.worker.run(json.dumps(self.request("job_1", HOSTILE_TOML)), fail)
        self.assertEqual(json.loads(self.worker.run(json.dumps(self.request("job_2"))))["ending"], "finished")


def told(lines):
    return [line["told"]["event"] for line in lines if "event" in line["told"]]


def stages(lines):
    return {e["stage"]: (e["items"], e["reused"]) for e in told(lines) if e["event"] == "stage_finished"}


def artifacts(lines):
    return {e["name"]: e for e in told(lines) if e["event"] == "artifact"}


if __name__ == "__main__":
    unittest.main()
