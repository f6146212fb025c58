#!/usr/bin/env python3
"""Runs a command beside a PostgreSQL server that ROADSTEAD_TEST_POSTGRES names: with_postgres.py COMMAND…"""

import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "clients"))

from deployments import postgres  # noqa: E402

sys.exit(subprocess.run(sys.argv[1:], env={**os.environ, "ROADSTEAD_TEST_POSTGRES": postgres().url("postgres")}).returncode)
