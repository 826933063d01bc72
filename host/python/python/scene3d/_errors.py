"""The exceptions of scene3d. They are written here because a stable ABI can't derive a class from Python's own before 3.12."""


class Error(Exception):
    """Why a call failed: `code` is what a program needs to act on it, `help` what a person needs."""

    # where users find it, and what tracebacks and pickles call it
    __module__ = "scene3d"

    code: str
    """A label of the engine's table of codes, e.g. `invalid_config`, `not_found`, `out_of_memory`."""
    help: str
    """What to try; may be empty."""
    stage: str | None
    """The stage of a run that failed: `read`, `extract`, `pair`, `match`, `map` or `export`."""
    plugin: str | None
    """Id of the plugin that failed."""

    def __init__(
        self, message: str, *, code: str = "internal", help: str = "", stage: str | None = None, plugin: str | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.help = help
        self.stage = stage
        self.plugin = plugin

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message}\nhelp: {self.help}" if self.help else message

    # exceptions cross processes by pickle, which calls the class with its positional arguments and knows no others;
    # the attributes follow as state
    def __reduce__(self) -> tuple[type["Error"], tuple[object, ...], dict[str, object]]:
        return type(self), self.args, dict(self.__dict__)


class Cancelled(Error):
    """The call was asked to stop, and did; what a run finished is kept in its folder."""

    __module__ = "scene3d"
