"""Let editable installs see the manifest: npe2 looks only inside the package."""

import os
import shutil
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ManifestHook(BuildHookInterface):
    """Link the top-level napari.yaml into src/napari_sciml for editable installs."""

    def initialize(self, version, build_data):
        """Run before each build; only the editable one needs the link."""
        if version != "editable":
            return
        root = Path(self.root)
        link = root / "src" / "napari_sciml" / "napari.yaml"
        link.unlink(missing_ok=True)
        try:
            os.symlink("../../napari.yaml", link)
        except OSError:  # Windows without the right to make links
            shutil.copyfile(root / "napari.yaml", link)
