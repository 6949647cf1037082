"""Where landmarks are computed: on this computer, or by a worker elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from slicer.i18n import tr as _

from LandmarkDetectionLib._version import __version__
from LandmarkDetectionLib.errors import LandmarkDetectionError
from LandmarkDetectionLib.remote.addresses import Elsewhere
from LandmarkDetectionLib.requests import About
from LandmarkDetectionSlicer.process.worker import BackgroundWorker

if TYPE_CHECKING:
    from LandmarkDetectionSlicer.panel.settings import SettingsPage


class WorkerPlace:
    """The part of the page Settings that says where the worker is, and tries whether it can be reached.

    A worker that was reached is used from then on; one that was not changes nothing.

    Parameters
    ----------
    page
        Whose part it is.
    """

    def __init__(self, page: SettingsPage) -> None:
        self._page = page
        self._asked: BackgroundWorker | None = None
        self._about: dict[str, Any] = {}
        ui = page.ui
        if (place := page.context.logic.place) is not None:
            ui.addressEdit.text, ui.tokenEdit.text = place.address, place.token
            ui.certificateEdit.text = place.certificate
        ui.addressEdit.connect("textChanged(QString)", lambda *_args: self.refresh())
        ui.testButton.connect("clicked(bool)", lambda *_args: self.test())

    @property
    def isTesting(self) -> bool:
        """Whether an answer is waited for."""
        return self._asked is not None

    def refresh(self) -> None:
        """Say where landmarks are computed now, and offer what can be done."""
        ui, place = self._page.ui, self._page.context.logic.place
        isAddress = bool(ui.addressEdit.text.strip())
        ui.testButton.text = _("Test connection") if isAddress else _("Use this computer")
        ui.testButton.enabled = not self.isTesting and (isAddress or place is not None)
        for edit in (ui.tokenEdit, ui.certificateEdit):
            edit.enabled = isAddress
        if place is None:
            ui.placeText.text = _("This computer, version {version}").format(version=__version__)
        elif self._about:
            ui.placeText.text = _("{address}, version {version}, Python {python}, PyTorch {torch}").format(
                **self._about
            )
        else:
            ui.placeText.text = place.address

    def test(self) -> None:
        """Ask the worker at the address what it is, and use it when it answers."""
        page, ui = self._page, self._page.ui
        page.context.actions.clearMessages()
        if page.detect.run is not None:
            page.message.warning(_("A detection is running; wait for it or cancel it."))
            return
        address = str(ui.addressEdit.text).strip()
        if not address:
            self._use(None, {})
            return
        place = Elsewhere(address, str(ui.tokenEdit.text).strip(), str(ui.certificateEdit.text).strip())
        page.message.information(_("Asking {address}...").format(address=address))
        self._asked = BackgroundWorker(place=place)
        self._asked.request(
            About(),
            lambda fraction, text: None,
            lambda result: self._use(place, result),
            lambda kind, sentence: self._refuse(sentence),
        )
        self.refresh()

    def _use(self, place: Elsewhere | None, about: dict[str, Any]) -> None:
        self.close()
        page = self._page
        try:
            page.context.logic.workAt(place)
        except LandmarkDetectionError as problem:
            page.message.error(str(problem))
            return
        self._about = {"torch": "-", **{key: value or "-" for key, value in about.items()}}
        if place is None:
            page.message.information(_("Landmarks are found on this computer from now on."))
        else:
            page.message.information(
                _("The connection works; landmarks are found at {address} from now on.").format(
                    address=place.address
                )
            )
        page.context.actions.refreshModels()
        self.refresh()

    def _refuse(self, sentence: str) -> None:
        self.close()
        self._page.message.error(sentence)
        self.refresh()

    def close(self) -> None:
        """Ask nothing any more."""
        asked, self._asked = self._asked, None
        if asked is not None:
            asked.close()
