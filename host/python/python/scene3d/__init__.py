"""Photos in, 3D scene out: the engine of scene3d in this process. See docs/python.md."""

from ._engine import Correspondences, Features, Matches, Pipeline, Reconstruction, Tensor, Worker, __version__
from ._errors import Cancelled, Error

__all__ = [
    "Cancelled",
    "Correspondences",
    "Error",
    "Features",
    "Matches",
    "Pipeline",
    "Reconstruction",
    "Tensor",
    "Worker",
    "__version__",
]
