"""Make the picture of the Fill dock, on a real diffraction pattern.

Needs a display, and the image of MuscleX (BioCAT, Illinois Institute of Technology)::

    xvfb-run -s "-screen 0 1600x1000x24" python docs/make_fill_picture.py IMAGE.tif
"""

import argparse
from pathlib import Path

import numpy as np
import tifffile
from make_screenshots import Studio, wait_until


def main() -> None:
    """Fill by symmetry, and look."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "images")
    given = parser.parse_args()
    image = tifffile.imread(given.image)
    studio = Studio(given.out, image, "pattern", colormap="inferno")
    layer = studio.viewer.layers["pattern"]
    layer.contrast_limits = (0, float(np.quantile(image, 0.995)))
    dock = studio.open("Fill")
    dock.find.click()
    wait_until(lambda: not dock.session.filling.doing)
    dock.method.setCurrentText("Symmetry")
    dock.fill.click()
    wait_until(lambda: not dock.session.filling.doing)
    studio.viewer.layers["Gaps"].visible = False
    studio.take("fill")
    studio.viewer.close()


if __name__ == "__main__":
    main()
