"""Place a protocol's landmarks by hand, one after the other."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import qt
import slicer
from slicer.i18n import tr as _

from LandmarkDetectionSlicer.logic import placing
from LandmarkDetectionSlicer.logic.snapping import Snapper
from LandmarkDetectionSlicer.panel.click_first import ClickFirst
from LandmarkDetectionSlicer.panel.detect import misfit
from LandmarkDetectionSlicer.panel.message import MessageLine
from LandmarkDetectionSlicer.panel.pictures import ReferenceBody
from LandmarkDetectionSlicer.panel.protocol_editor import ProtocolEditor
from LandmarkDetectionSlicer.process import packages
from LandmarkDetectionSlicer.scene.choices import Side
from LandmarkDetectionSlicer.scene.volumes import refusal

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.protocol import Protocol
    from LandmarkDetectionLib.models import Model
    from LandmarkDetectionSlicer.logic.plain_lists import PlainList
    from LandmarkDetectionSlicer.panel.context import PanelContext

PICTURE_SIZE = (112, 168)
SNAP_SETTING = "LandmarkDetection/SnapClicks"


class PlacePage:
    """The page Place.

    Parameters
    ----------
    context
        What it needs of the rest of the panel.
    widget
        Loaded from ``place.ui``.
    """

    def __init__(self, context: PanelContext, widget: Any) -> None:
        self.context = context
        self.heading = _("Place")
        self.widget = widget
        self.ui = ui = slicer.util.childWidgetVariables(widget)
        self.message = MessageLine(ui.messageIcon, ui.messageText)
        self.session: placing.PlacingSession | None = None
        self._protocols: list[Protocol] | list[PlainList] = []
        self._protocol: Protocol | PlainList | None = None
        self._body: ReferenceBody | None = None
        self._editor: ProtocolEditor | None = None
        self._snapper: Snapper | None = None
        self._isChosen = False  # a list, by a person; until then it is that of the model
        ui.protocolSelector.connect("currentIndexChanged(int)", self._onListChosen)
        ui.snapBox.connect("toggled(bool)", self._onSnapToggled)
        ui.editListButton.connect("clicked(bool)", lambda *_args: self.editList())
        ui.startButton.connect("clicked(bool)", lambda *_args: self.start())
        self.clickFirst = ClickFirst(self)
        self._shortcuts = [
            self._connect(ui.backButton, "B", self.back),
            self._connect(ui.skipButton, "S", self.skip),
            self._connect(ui.stopButton, "Esc", self.stop),
        ]
        self.show()

    def _connect(self, button: qt.QPushButton, keys: str, action: Any) -> qt.QShortcut:
        button.connect("clicked(bool)", lambda *_args: action())
        # Of the window: the focus is in the views while points are placed.
        shortcut = qt.QShortcut(qt.QKeySequence(keys), self.widget)
        shortcut.connect("activated()", action)
        shortcut.connect("activatedAmbiguously()", action)
        return shortcut

    def turned(self, isShown: bool) -> None:
        """It has come to the front, or has gone behind another: then placing ends."""
        if isShown:
            self._proposeList()
        else:
            self.stop()

    def _onListChosen(self, *_args: object) -> None:
        self._isChosen = True
        self.refresh()

    def _proposeList(self) -> None:
        """Until a person has chosen a list, that of the chosen model is wanted."""
        model = self.context.chosenModel
        rows = [row for row, one in enumerate(self._protocols) if model is not None and one == model.protocol]
        if rows and not self._isChosen:
            wasBlocked = self.ui.protocolSelector.blockSignals(True)
            self.ui.protocolSelector.currentIndex = rows[0]
            self.ui.protocolSelector.blockSignals(wasBlocked)
            self.refresh()

    def setProtocols(self, protocols: list[Protocol] | list[PlainList]) -> None:
        """Offer these lists of landmarks."""
        self._protocols = protocols
        selector = self.ui.protocolSelector
        chosen = selector.currentText
        wasBlocked = selector.blockSignals(True)
        selector.clear()
        titles = [protocol.title for protocol in self._protocols]
        for protocol in self._protocols:
            selector.addItem(protocol.title)
        if chosen in titles:
            selector.currentIndex = titles.index(chosen)
        selector.blockSignals(wasBlocked)
        self._proposeList()
        self.refresh()

    def editList(self) -> None:
        """Open the window in which lists of landmarks are made."""
        self.context.actions.clearMessages()
        if problem := packages.needsInstalling():
            self.message.warning(problem)
            return
        if self._editor is None:
            self._editor = ProtocolEditor(self.context, self._onListSaved)
        row = self.ui.protocolSelector.currentIndex
        self._editor.open(self._protocols[row] if 0 <= row < len(self._protocols) else None)

    def _onListSaved(self, protocol: Protocol) -> None:
        self.context.actions.refreshModels()
        self.choose(protocol)
        self.message.information(
            _("{title} is kept; press Start placing for its landmarks.").format(title=protocol.title)
        )

    def choose(self, protocol: Protocol) -> None:
        """Choose a list."""
        self.ui.protocolSelector.currentIndex = [one.title for one in self._protocols].index(protocol.title)

    def close(self) -> None:
        """The module is unloaded."""
        self.clickFirst.close()
        if self._snapper is not None:
            self._snapper.close()
        if self._editor is not None:
            self._editor.close()

    def refresh(self) -> None:
        """Enable what can be done."""
        parameters = self.context.parameters
        hasVolume = parameters is not None and parameters.inputVolume is not None
        self.ui.startButton.enabled = hasVolume and bool(self._protocols) and self.session is None
        self.ui.clickButton.enabled = hasVolume
        self._showSnapping()
        self.ui.startButton.toolTip = (
            _("Place the landmarks one by one by clicking in the views.")
            if hasVolume
            else _("Select a volume on the page Review first.")
        )

    # --- what a model sees near a click -----------------------------------------------------------------

    @property
    def _list(self) -> Protocol | PlainList | None:
        """What is placed, or would be."""
        row = self.ui.protocolSelector.currentIndex
        if self.session is not None:
            return self._protocol
        return self._protocols[row] if 0 <= row < len(self._protocols) else None

    @property
    def _snapModel(self) -> Model | None:
        """Who can find the landmarks of the list near a click in the image: the chosen model first."""
        parameters, wanted = self.context.parameters, self._list
        volumeNode = parameters.inputVolume if parameters is not None else None
        if parameters is None or wanted is None or refusal(volumeNode) is not None:
            return None
        able = [
            one
            for one in self.context.models.usable
            if one.capabilities.finds_near
            and set(wanted.names) <= set(one.protocol.names)
            and misfit(one, volumeNode) is None
        ]
        return next((one for one in able if one.name == parameters.modelName), next(iter(able), None))

    def _showSnapping(self) -> None:
        box, model = self.ui.snapBox, self._snapModel
        box.enabled = model is not None
        wasBlocked = box.blockSignals(True)
        box.checked = model is not None and _isSnappingWanted()
        box.blockSignals(wasBlocked)
        box.toolTip = (
            _("{model} looks near every click, and the point goes where it sees the landmark.").format(
                model=model.name
            )
            if model is not None
            else _("No model that is here can look for these landmarks near a click in this image.")
        )

    def _onSnapToggled(self, isOn: bool) -> None:
        slicer.app.userSettings().setValue(SNAP_SETTING, int(isOn))

    def _onPlaced(self, name: str) -> None:
        if self._snapper is not None and self.ui.snapBox.checked:
            if self.session is not None:
                self.message.clear()
            self._snapper.snap(name)

    def _onSnapped(self, name: str, distance: float | None) -> None:
        title = self._protocol[name].title if self._protocol is not None else name
        if distance is None:
            sentence = _("{landmark}: nothing like it is near the click, so the point stays there.")
            self.message.warning(sentence.format(landmark=title))
        else:
            sentence = _("{landmark}: moved by {distance} mm to where the model sees it; undo takes it back.")
            self.message.information(sentence.format(landmark=title, distance=f"{distance:.1f}"))

    def _newSnapper(self, landmarkNode: slicer.vtkMRMLMarkupsFiducialNode) -> Snapper | None:
        model = self._snapModel
        if model is None:
            return None
        side = self.context.chosen.side.value if model.capabilities.of_hands else Side.AUTOMATIC.value
        worker = self.context.logic.worker
        return Snapper(worker, landmarkNode, model.name, side, self._onSnapped, self.message.warning)

    # --- placing ----------------------------------------------------------------------------------------

    def start(self) -> None:
        """Ask for the first landmark that has no position yet."""
        self.context.actions.clearMessages()
        volumeNode = self.context.chosen.inputVolume
        self._protocol = self._protocols[self.ui.protocolSelector.currentIndex]
        self._body = None
        landmarkNode = placing.blankLandmarks(volumeNode, self._protocol)
        self.context.actions.takeLandmarks(landmarkNode)
        if self._snapper is not None:
            self._snapper.close()
        self._snapper = self._newSnapper(landmarkNode)
        session = placing.PlacingSession(landmarkNode, self._onChanged, self._onPlaced)
        if session.finished:
            self.message.information(
                _("Every landmark has a place; move them in the views, or review them.")
                if len(self._protocol.names) > 1
                else _("The landmark has a place; move it in the views, or review it.")
            )
            return
        self.session = session
        self.show()
        self.context.logic.background.soon(self._takeBody)  # all at once would be noticed

    def _takeBody(self) -> None:
        """Read the picture of a model with these landmarks, and show the one that is asked for in it."""
        model = next((one for one in self.context.models.usable if one.protocol == self._protocol), None)
        self._body = ReferenceBody(model) if model is not None else None
        self.show()

    def skip(self) -> None:
        """Leave the landmark out for now."""
        if self.session is not None:
            self.session.skip()

    def back(self) -> None:
        """Place the landmark before this one again."""
        if self.session is not None:
            self.session.back()

    def stop(self) -> None:
        """End; what was placed stays."""
        if self.session is not None:
            self.session.stop()
        self.clickFirst.stop()

    def _onChanged(self) -> None:
        if self.session is None:
            return
        if self.session.finished:
            placed, total = self.session.progress
            self.session = None
            sentence = (
                _("{placed} of {total} landmarks are placed.")
                if total > 1
                else _("The landmark is placed.")
                if placed
                else _("The landmark is not placed.")
            )
            self.message.information(sentence.format(placed=placed, total=total))
        self.show()

    def show(self) -> None:
        """Show the lists, or what is asked for, or what was clicked."""
        ui, session = self.ui, self.session
        isPlacing = session is not None
        isClickingFirst = self.clickFirst.session is not None
        ui.listArea.visible = not (isPlacing or isClickingFirst)
        ui.placeArea.visible = isPlacing
        ui.clickArea.visible = isClickingFirst
        ui.snapBox.visible = not isClickingFirst
        for shortcut in self._shortcuts:
            shortcut.setEnabled(isPlacing or (isClickingFirst and shortcut is self._shortcuts[-1]))
        self.refresh()
        name = session.current if session is not None else None
        if session is None or name is None or self._protocol is None:
            return
        ui.backButton.enabled = session.canGoBack
        definition = self._protocol[name]
        placed, total = session.progress
        heading = _("Next: {landmark}").format(landmark=definition.title)
        progress = _("{placed} of {total} placed. Click in a view.").format(placed=placed, total=total)
        ui.placeText.text = "".join(
            f'<p style="margin:0 0 6px 0">{text}</p>'
            for text in (f"<b>{escape(heading)}</b>", escape(definition.definition), escape(progress))
        )
        picture = self._body.closeUp(*PICTURE_SIZE, name) if self._body is not None else None
        ui.placePicture.visible = picture is not None
        if picture is not None:
            ui.placePicture.setPixmap(picture)


def _isSnappingWanted() -> bool:
    """What was chosen last; off until somebody turns it on."""
    return bool(int(slicer.app.userSettings().value(SNAP_SETTING) or 0))
