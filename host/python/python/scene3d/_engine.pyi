# Types of the extension; a test compares them with the module.

from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any, Protocol, TypeAlias, final

from numpy.typing import DTypeLike, NDArray

__all__ = ["Correspondences", "Features", "Matches", "Pipeline", "Reconstruction", "Tensor", "Worker", "__version__"]

__version__: str

_Path: TypeAlias = str | PathLike[str]
_OnEvent: TypeAlias = Callable[[dict[str, Any]], object] | None

class _SpeaksDLPack(Protocol):
    def __dlpack__(self, *, max_version: tuple[int, int] | None = None) -> Any: ...
    def __dlpack_device__(self) -> tuple[int, int]: ...

@final
class Tensor:
    """A tensor in host memory. Views of it live on when it is gone, and are read-only."""

    @staticmethod
    def from_dlpack(array: Tensor | _SpeaksDLPack) -> Tensor:
        """A view of an array of another library; who writes to that array while it is used here gets what they ask for."""
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> str:
        """By NumPy's names; `bfloat16`, which NumPy lacks."""
    @property
    def nbytes(self) -> int: ...
    def numpy(self) -> NDArray[Any]:
        """A view, read-only; `.copy()` is yours to write."""
    def __len__(self) -> int: ...
    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]: ...
    def __dlpack__(
        self,
        *,
        stream: None = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> Any: ...
    def __dlpack_device__(self) -> tuple[int, int]: ...

@final
class Features:
    """Keypoints of one image with scores and descriptors, in host memory."""

    def __new__(
        cls,
        keypoints: Tensor | _SpeaksDLPack,
        scores: Tensor | _SpeaksDLPack,
        descriptors: Tensor | _SpeaksDLPack,
        image_size: Sequence[int],
        *,
        name: str = ...,
        path: _Path | None = None,
    ) -> Features:
        """What another extractor found; `path` is the photo, for matchers that look at it. Nothing is copied."""
    @property
    def keypoints(self) -> Tensor:
        """`[N, 2] float32, px, original image, top-left pixel centre at (0.5, 0.5)`"""
    @property
    def scores(self) -> Tensor:
        """`[N] float32`, higher is better"""
    @property
    def descriptors(self) -> Tensor:
        """`[N, D] float32`, unit length"""
    @property
    def image_size(self) -> tuple[int, int]:
        """`(width, height)` in px of the original image, its EXIF orientation applied."""
    @property
    def name(self) -> str: ...
    @property
    def path(self) -> str | None: ...
    def __len__(self) -> int: ...

@final
class Matches:
    """Keypoints of two images that show the same."""

    @property
    def indices(self) -> Tensor:
        """`[M, 2] uint32`: a keypoint of image 1, one of image 2; each keypoint at most once."""
    @property
    def scores(self) -> Tensor:
        """`[M] float32`"""
    def __len__(self) -> int: ...

@final
class Correspondences:
    """Positions in two images that show the same, from a matcher that needs no keypoints."""

    @property
    def points(self) -> Tensor:
        """`[M, 4] float32, px, original images`: x and y in image 1, then in image 2."""
    @property
    def scores(self) -> Tensor:
        """`[M] float32`"""
    def __len__(self) -> int: ...

@final
class Reconstruction:
    """The model with most registered images, and figures of the run."""

    @property
    def out(self) -> str:
        """Folder of the model's files and the report."""
    @property
    def report(self) -> str:
        """Path of `report.html`."""
    @property
    def num_images(self) -> int:
        """Images given, those included that were rejected."""
    @property
    def num_registered(self) -> int: ...
    @property
    def num_models(self) -> int:
        """Models found; this is the first."""
    @property
    def mean_reprojection_error_px(self) -> float: ...
    @property
    def secs(self) -> float: ...
    @property
    def names(self) -> list[str]:
        """Of the registered images, R of them."""
    @property
    def cam_from_world(self) -> Tensor:
        """`[R, 3, 4] float64`: `[R | t]` of each registered image."""
    @property
    def points(self) -> Tensor:
        """`[P, 3] float64`, world frame"""
    @property
    def colors(self) -> Tensor:
        """`[P, 3] uint8`, RGB"""

@final
class Pipeline:
    """A checked config with its plugins, which are kept from call to call."""

    def __new__(
        cls,
        config: _Path | dict[str, Any],
        *,
        set: Sequence[str] = ...,
        plugin_dirs: Sequence[_Path] = ...,
        weights_dirs: Sequence[_Path] = ...,
        keep_stages: int = 4,
    ) -> Pipeline:
        """Finds every mistake in the config, the file's or the dict's, before anything is loaded.

        `set` overrides values: `["features.0.extractor.max_keypoints=4096"]`. Instances of `keep_stages` stages are kept
        with their weights from run to run.
        """
    @property
    def config(self) -> dict[str, Any]:
        """With every value there is."""
    @property
    def plugins(self) -> dict[str, str]:
        """Version of each plugin by its id."""
    def ping(self) -> None:
        """Opens the libraries of all plugins; raises if one can't be, or is disabled because it panicked."""
    def reconstruct(
        self,
        photos: _Path | Sequence[_Path],
        out: _Path | None = None,
        *,
        resume: bool = True,
        max_megapixels: int = 256,
        on_event: _OnEvent = None,
    ) -> Reconstruction:
        """A model of photos, a folder's or files. Goes on with what an earlier run finished in `out`; without it the files
        are temporary, and gone with the result.
        """
    def extract(
        self,
        photos: _Path | Sequence[_Path],
        *,
        entry: int = 0,
        max_megapixels: int = 256,
        on_event: _OnEvent = None,
    ) -> list[Features]:
        """What the extractor of `[[features]]` number `entry` finds in each photo, in order."""
    def match(
        self,
        images: Sequence[Features],
        pairs: Sequence[Sequence[int]] | None = None,
        *,
        entry: int = 0,
        on_event: _OnEvent = None,
    ) -> list[Matches | Correspondences]:
        """What the matcher of that entry finds in each pair of places in `images`, in order; without `pairs`, in all:
        (0, 1), (0, 2), ..., (1, 2), ...
        """
    def cancel(self) -> None:
        """From another thread: the calls under way raise `Cancelled` soon."""

@final
class Worker:
    """The worker of `scene3d serve` in this process: one job after the other, plugins and weights are kept."""

    def __new__(
        cls,
        *,
        plugin_dirs: Sequence[_Path] = ...,
        weights_dirs: Sequence[_Path] = ...,
        cache_dir: _Path | None = None,
        max_cache_bytes: int = ...,
        keep_stages: int = 4,
        set: Sequence[str] = ...,
        split: Sequence[int] | None = None,
    ) -> Worker:
        """`cache_dir` keeps images of a remote object store, 20 GiB if not said otherwise; `set` holds for every job whatever its config says.

        `split`, `(min_images, images_per_shard, images_per_block)`: jobs of so many images tell of `parts` that are to be
        done elsewhere, and wait until they are answered.
        """
    def run(self, request: str, on_event: Callable[[str], object] | None = None) -> str:
        """Works on a job, given as the JSON of the service's `JobRequest`; returns how it ended, as JSON. `on_event` is given
        the lines that a worker process would write.
        """
    def run_part(self, part: str, on_event: Callable[[str], object] | None = None) -> str:
        """Works on one of the `parts` that a job told of, given as JSON, here or in another process; returns how it ended, as
        JSON. What it found is in the object store.
        """
    def answer(self, job_id: str, answer: str) -> None:
        """From another thread: answers a job that told of `parts`, by the JSON of the service's `Answer`."""
    def cancel(self, job_id: str) -> None:
        """From another thread: stops working on that job, whose `run` then returns, and on parts of it."""
