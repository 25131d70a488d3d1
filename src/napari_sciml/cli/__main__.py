"""``python -m napari_sciml.cli``, where no script is installed."""

from napari_sciml.cli.app import main

main()
