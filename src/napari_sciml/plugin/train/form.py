"""What can be set before a training, most of it behind *More*."""

from collections.abc import Iterable
from typing import NamedTuple

from qtpy.QtCore import QSignalBlocker
from qtpy.QtWidgets import QComboBox, QFormLayout, QLineEdit, QWidget

from napari_sciml.io.settings import training_settings
from napari_sciml.plugin.kit.widgets.controls import allow
from napari_sciml.plugin.kit.widgets.forms import number, whole_number
from napari_sciml.training.config import TrainingConfig

DEVICES = ("auto", "cpu", "cuda", "mps")
NETWORKS = {
    "SMSNet: sparse, mixed scales": "smsnet",
    "MSDNet: dense, mixed scales": "msdnet",
    "TUNet: U-Net": "tunet",
    "TUNet3+: U-Net 3+": "tunet3plus",
}


class Effort(NamedTuple):
    """How much is trained."""

    members: int
    seconds: float


DEFAULT = TrainingConfig()
EFFORTS = {
    "Quick look": Effort(3, 20),
    "Usual": Effort(DEFAULT.members, DEFAULT.seconds),
    "Careful": Effort(8, 300),
}
OWN = "As set under More"


class TrainForm(QWidget):
    """The effort in front; networks, time and the rest to be shown elsewhere.

    Attributes
    ----------
    more
        Fields that are seldom needed.
    """

    def __init__(self) -> None:
        super().__init__()
        self.members = whole_number(TrainingConfig, "members")
        self.seconds = number(TrainingConfig, "seconds", " s")
        self.seconds.setToolTip(
            "How long it goes on learning after your last stroke; then it waits."
        )
        self.seed = whole_number(TrainingConfig, "seed")
        self.network = _choices("network_kind", NETWORKS)
        self.network.setToolTip("What the networks of the ensemble are.")
        self.prior = QLineEdit()
        self.prior.setObjectName("class_shares")
        self.prior.setPlaceholderText("estimated")
        self.prior.setToolTip(
            "Share of each class in the image, if you know it: 0.98, 0.02. Empty: "
            "estimated from the image after the training."
        )
        self.device = _choices("device", DEVICES)
        self.device.setToolTip("Where to compute; auto takes a GPU if there is one.")
        self.effort = _choices("effort", EFFORTS)
        self.effort.setToolTip(
            "\n".join(
                f"{name}: {effort.members} networks, {effort.seconds:.0f} s after your "
                "last stroke."
                for name, effort in EFFORTS.items()
            )
        )
        self._lay_out()
        self.effort.textActivated.connect(self._on_effort)
        for box in (self.members, self.seconds):
            box.valueChanged.connect(self._tell_effort)
        self._tell_effort()

    def _lay_out(self) -> None:
        front = QFormLayout(self)
        front.setContentsMargins(0, 0, 0, 0)
        front.addRow("Effort", self.effort)
        self.more = QWidget()
        hidden = QFormLayout(self.more)
        hidden.setContentsMargins(0, 0, 0, 0)
        for name, field in (
            ("Networks", self.members),
            ("Time", self.seconds),
            ("Kind", self.network),
            ("Shares", self.prior),
            ("Seed", self.seed),
            ("Device", self.device),
        ):
            hidden.addRow(name, field)

    @property
    def config(self) -> TrainingConfig:
        """What the form says."""
        return training_settings(
            None,
            network=NETWORKS[self.network.currentText()],
            prior=self.prior.text().strip() or None,
            members=self.members.value(),
            seconds=self.seconds.value(),
            seed=self.seed.value(),
            device=self.device.currentText(),
        )

    def set_open(self, is_open: bool) -> None:
        """Let the fields be changed, or not while a training runs."""
        fields = (self.members, self.seconds, self.network, self.prior, self.seed)
        for field in (*fields, self.device, self.effort):
            allow(field, "" if is_open else "Stop the training to change it.")

    def _on_effort(self, name: str) -> None:
        if name in EFFORTS:
            self.members.setValue(EFFORTS[name].members)
            self.seconds.setValue(EFFORTS[name].seconds)

    def _tell_effort(self) -> None:
        """Name the effort that the numbers are."""
        now = Effort(self.members.value(), self.seconds.value())
        found = [name for name, effort in EFFORTS.items() if effort == now]
        with QSignalBlocker(self.effort):
            own = self.effort.findText(OWN)
            if not found and own < 0:
                self.effort.addItem(OWN)
            elif found and own >= 0:
                self.effort.removeItem(own)
            self.effort.setCurrentText(found[0] if found else OWN)


def _choices(name: str, texts: Iterable[str]) -> QComboBox:
    made = QComboBox()
    made.setObjectName(name)
    made.addItems(list(texts))
    return made
