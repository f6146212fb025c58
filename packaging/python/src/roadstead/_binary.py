"""Finds the server's binary."""

import shutil
import sysconfig
from pathlib import Path


def find_binary() -> str:
    """Return the path of the binary that was installed with this module, or else of one on the `PATH`."""
    schemes = [sysconfig.get_default_scheme(), sysconfig.get_preferred_scheme("user")]
    candidates = [Path(sysconfig.get_path("scripts", scheme)) / "roadstead" for scheme in schemes]
    # `pip install --target` puts programs beside modules.
    candidates.append(Path(__file__).parent.parent / "bin" / "roadstead")
    found = next((str(path) for path in candidates if path.is_file()), None) or shutil.which("roadstead")
    if found is None:
        message = f"the program 'roadstead' is neither on the PATH nor at {', '.join(map(str, candidates))}"
        raise FileNotFoundError(message)
    return found
