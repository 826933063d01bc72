"""An Airflow of its own for tests: a folder, a database in it, our DAGs and plugins. To be imported before anything of Airflow."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

OURS = Path(__file__).parent.parent
HOME = Path(tempfile.mkdtemp(prefix="scene3d-airflow-"))
TOKENS = {"ALERTMANAGER_HOOK_TOKEN_FILE": "h" * 40, "AIRFLOW_SCRAPE_TOKEN_FILE": "s" * 40}

atexit.register(shutil.rmtree, HOME, ignore_errors=True)
for variable, token in TOKENS.items():
    (HOME / variable).write_text(token + "\n")
    os.environ[variable] = str(HOME / variable)
os.environ.update(
    AIRFLOW_HOME=str(HOME),
    AIRFLOW__CORE__DAGS_FOLDER=str(OURS / "dags"),
    AIRFLOW__CORE__PLUGINS_FOLDER=str(OURS / "plugins"),
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{HOME}/airflow.db",
    AIRFLOW__USAGE_DATA_COLLECTION__ENABLED="False",
    AIRFLOW__LOGGING__LOGGING_LEVEL="WARNING",
)
sys.path.insert(0, str(OURS / "plugins"))
sys.dont_write_bytecode = True


def airflow(*arguments: str) -> str:
    """Runs its command line; what it says on stdout."""
    program = Path(sys.executable).parent / "airflow"
    run = subprocess.run([program, *arguments], capture_output=True, text=True)
    if run.returncode != 0:
        raise AssertionError(f"airflow {' '.join(arguments)}: {run.returncode}\n{run.stdout}\n{run.stderr}")
    return run.stdout


def make_database() -> None:
    """With the DAGs as Airflow's processor reads them."""
    if not (HOME / "airflow.db").exists():
        airflow("db", "migrate")
        airflow("dags", "reserialize")
