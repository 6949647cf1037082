"""Slicer's views: three slices and the 3D view of a volume, one slice of a radiograph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from LandmarkDetectionSlicer.scene.volumes import isSingleImage, refusal
from trame.widgets import html
from trame_slicer.app.logic.slice_view_logic import connect_slice_view_slider_to_state
from trame_slicer.app.ui.slider import Slider
from trame_slicer.core import LayoutManager, SlicerApp
from trame_slicer.rca_view import register_rca_factories
from trame_slicer.views import Layout, LayoutDirection, SliceView, ThreeDView, ViewLayoutDefinition

from LandmarkDetectionLib.typing import FloatArray
from LandmarkDetectionViewer.state import PREFIX

if TYPE_CHECKING:
    import slicer

VOLUME, RADIOGRAPH = "volume", "radiograph"
THREE_D = "ThreeD"
BACKGROUNDS = {"dark": ("#15181c", "#2b3138"), "light": ("#c9d3dd", "#eef2f6")}


class Views:
    """The views of the page.

    Parameters
    ----------
    app
        Slicer without its application.
    server
        Of the page.
    """

    def __init__(self, app: SlicerApp, server: Any) -> None:
        self._app, self._server = app, server
        register_rca_factories(
            app.view_manager, server, slice_view_ui_f=_slice_words, three_d_view_ui_f=_other_words
        )
        self.layouts = LayoutManager(app.scene, app.view_manager, server)
        axial, coronal, sagittal = (
            ViewLayoutDefinition.axial_view("Axial"),
            ViewLayoutDefinition.coronal_view("Coronal"),
            ViewLayoutDefinition.sagittal_view("Sagittal"),
        )
        space = ViewLayoutDefinition.threed_view(name=THREE_D, background_color=BACKGROUNDS["dark"])
        rows = [
            Layout(LayoutDirection.Vertical, [coronal, axial]),
            Layout(LayoutDirection.Vertical, [space, sagittal]),
        ]
        self.layouts.register_layout_dict(
            {
                VOLUME: Layout(LayoutDirection.Horizontal, rows),
                RADIOGRAPH: Layout(LayoutDirection.Vertical, [axial]),
            }
        )
        self.layouts.set_layout(VOLUME)
        for view in (*self.slices, *self.threeD):
            # Without a graphics card smooth edges cost as much as all the rest, and so does sorting what is
            # transparent; the skin needs none.
            view.render_window().SetMultiSamples(0)
            view.first_renderer().SetUseDepthPeeling(False)

    @property
    def isVolume(self) -> bool:
        """Whether a volume is shown, and not a radiograph."""
        return bool(self.layouts.layout_id == VOLUME)

    @property
    def threeD(self) -> list[ThreeDView]:
        """The 3D view."""
        return [one for one in self._app.view_manager.get_views() if isinstance(one, ThreeDView)]

    @property
    def slices(self) -> list[SliceView]:
        """The slice views."""
        return [one for one in self._app.view_manager.get_views() if isinstance(one, SliceView)]

    def show(self, volumeNode: slicer.vtkMRMLScalarVolumeNode) -> None:
        """Show an image in all views that it needs."""
        isSingle = refusal(volumeNode) is None and isSingleImage(volumeNode)
        self.layouts.set_layout(RADIOGRAPH if isSingle else VOLUME)
        self._app.display_manager.show_volume_in_slice_background(volumeNode)
        for view in self.slices:
            view.reset_view()
            if isSingle:
                view._logic.RotateSliceToLowestVolumeAxes(True)
                view._logic.FitSliceToBackground()
        for view in self.threeD:
            _lookAt(view, volumeNode)

    def setTheme(self, theme: str) -> None:
        """Dark or light; slices are black in both, as images are read."""
        for view in self.threeD:
            view.set_background_color_from_string(BACKGROUNDS[theme])
            view.schedule_render()

    def onScreen(self, direction: tuple[int, int, int]) -> FloatArray:
        """(3,) world RAS of a step to the right, forward and up, as a person sees the image.

        A volume is seen from the front: the right of the screen is the left of the body. Of a radiograph the
        axes of its slice count, and it has no depth.
        """
        step = np.asarray(direction, dtype=np.float64)
        if self.isVolume:
            return step * [-1.0, 1.0, 1.0]
        toRas = self.slices[0].get_view_node().GetSliceToRAS()
        axes = np.array([[toRas.GetElement(row, column) for column in range(2)] for row in range(3)])
        moved: FloatArray = axes[:, 0] * step[0] + axes[:, 1] * step[2]
        return moved


def _lookAt(view: ThreeDView, volumeNode: slicer.vtkMRMLScalarVolumeNode) -> None:
    """The whole image from the front."""
    bounds = [0.0] * 6
    volumeNode.GetRASBounds(bounds)
    camera = view.get_camera_node()
    if camera is None:
        return
    low, high = np.array(bounds[::2]), np.array(bounds[1::2])
    middle = (low + high) / 2
    camera.SetFocalPoint(*middle)
    away = np.array([0.0, 1.8 * np.linalg.norm(high - low), 0.0])
    camera.SetPosition(*(middle + away))
    camera.SetViewUp(0, 0, 1)
    camera.ResetClippingRange()


def _slice_words(server: Any, _name: str, view: SliceView) -> None:
    _other_words(server, _name, view)
    with html.Div(classes="view-slider", v_if=(f"{PREFIX}layout === '{VOLUME}'",)):
        Slider(
            typed_state=connect_slice_view_slider_to_state(server, view),
            theme="dark",
            density="compact",
            aria_label=f"Slice of the {view.get_singleton_tag().lower()} view",
            **{"__properties": [("aria_label", "aria-label")]},
        )


def _other_words(_server: Any, _name: str, view: Any) -> None:
    title = {THREE_D: "3D"}.get(view.get_singleton_tag(), view.get_singleton_tag())
    with html.Div(classes="view-name"):
        html.Span(f"{{{{ {PREFIX}layout === '{VOLUME}' ? '{title}' : 'Image' }}}}")
        html.Button("Fit", click=view.reset_view, title=f"Show all of the image ({title})", type="button")
