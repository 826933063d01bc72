"""Who may call the plugins: whoever shows the one line of a file. Airflow's own log-in does not cover what plugins mount."""

from __future__ import annotations

import hmac
import os
from pathlib import Path

from fastapi import HTTPException, Request

MIN_LENGTH = 32


def require_token_of(variable: str, default: str):
    """A dependency of FastAPI that lets a request in if its bearer token is in the file that `variable` names.

    The file is read at each request: a token is rotated by writing the file, without a restart.
    """

    def require_token(request: Request) -> None:
        file = Path(os.environ.get(variable, default))
        try:
            expected = file.read_text().strip()
        except OSError as error:
            raise HTTPException(503, f"{variable}: the file can't be read ({error.strerror})") from error
        if len(expected) < MIN_LENGTH:
            raise HTTPException(503, f"{variable}: the file holds {len(expected)} characters, expected at least {MIN_LENGTH}")
        scheme, _, shown = request.headers.get("authorization", "").partition(" ")
        # of bytes: compare_digest refuses text that is not ASCII
        if scheme.lower() != "bearer" or not hmac.compare_digest(shown.encode(), expected.encode()):
            raise HTTPException(401, "the bearer token is missing or wrong", {"WWW-Authenticate": "Bearer"})

    return require_token
