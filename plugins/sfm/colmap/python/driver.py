"""Runs pycolmap for scene3d's COLMAP plugin, in a process of its own because COLMAP may abort it.

Requests come as JSON lines on stdin, answers go as JSON lines to stdout, COLMAP's log goes to stderr.
Which options COLMAP is given is the plugin's business: a request names them as pycolmap does, nested as pycolmap
nests them. The process ends when stdin closes, so that it never outlives the plugin.
"""

import json
import os
import queue
import sys
import threading
from typing import Any, TextIO

# COLMAP's libraries may print to stdout: the answers get a descriptor of their own, and stdout joins the log
ANSWERS: TextIO = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)


def answer(event: str, **values: Any) -> None:
    ANSWERS.write(json.dumps({"event": event, **values}) + "\n")
    ANSWERS.flush()


def watch_stdin(requests: "queue.SimpleQueue[dict[str, Any]]") -> None:
    for line in sys.stdin:
        requests.put(json.loads(line))
    # the plugin is gone; a normal exit would wait for the C++ call that is under way
    os._exit(0)


def apply(options: Any, values: dict[str, Any]) -> Any:
    for name, value in values.items():
        if isinstance(value, dict):
            apply(getattr(options, name), value)
        else:
            setattr(options, name, value)
    return options


def create_database(request: dict[str, Any]) -> None:
    pycolmap.Database.open(request["database"]).close()


def verify(request: dict[str, Any]) -> None:
    pycolmap.geometric_verification(
        request["database"],
        verifier_options=apply(pycolmap.GeometricVerifierOptions(), request["verifier"]),
        two_view_geometry_options=apply(pycolmap.TwoViewGeometryOptions(), request["two_view_geometry"]),
    )
    if request["calibrate_view_graph"]:
        options = apply(pycolmap.ViewGraphCalibrationOptions(), {"random_seed": request["seed"]})
        pycolmap.calibrate_view_graph(request["database"], options)


class Progress:
    """Counts the images of the model that is being grown."""

    def __init__(self) -> None:
        self.num_registered = 0

    def initial_pair(self) -> None:
        self.num_registered = 2
        answer("registered", num=self.num_registered)

    def next_image(self) -> None:
        self.num_registered += 1
        answer("registered", num=self.num_registered)


def reconstruct(request: dict[str, Any]) -> None:
    # some of COLMAP's sampling uses the generator of the calling thread and not the options' seed
    pycolmap.set_random_seed(request["seed"])
    paths = (request["database"], request["images"], request["output"])
    match request["mapper"]:
        case "incremental":
            progress = Progress()
            pycolmap.incremental_mapping(
                *paths,
                options=apply(pycolmap.IncrementalPipelineOptions(), request["options"]),
                initial_image_pair_callback=progress.initial_pair,
                next_image_callback=progress.next_image,
            )
        case "global":
            pycolmap.global_mapping(*paths, options=apply(pycolmap.GlobalPipelineOptions(), request["options"]))
        case "hierarchical":
            options = apply(pycolmap.HierarchicalPipelineOptions(), request["options"])
            pycolmap.hierarchical_mapping(*paths, options=options)


CALLS = {"create_database": create_database, "verify": verify, "reconstruct": reconstruct}


def main() -> None:
    requests: "queue.SimpleQueue[dict[str, Any]]" = queue.SimpleQueue()
    threading.Thread(target=watch_stdin, args=(requests,), daemon=True).start()
    answer("ready", version=pycolmap.__version__)
    while True:
        request = requests.get()
        try:
            CALLS[request["call"]](request)
        except Exception as error:  # noqa: BLE001: whatever it is, the plugin reports it
            answer("error", message=f"{type(error).__name__}: {error}")
        else:
            answer("done")


if __name__ == "__main__":
    import pycolmap

    main()
