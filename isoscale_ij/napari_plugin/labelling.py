"""The widget *Label objects*: Voronoi-Otsu-Labeling, tried on what is seen, then done on all of it."""

from __future__ import annotations

from typing import Any

import xarray as xr
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QCheckBox, QComboBox

from isoscale_ij.errors import IsoscaleError
from isoscale_ij.image.axes import choose_channel
from isoscale_ij.image.calibration import as_image, length_unit, voxel_size
from isoscale_ij.image.grid import Grid
from isoscale_ij.image.units import convert, is_length
from isoscale_ij.napari_plugin.form import IMAGES, Form, LayerChoice, channel_of, fill_channels
from isoscale_ij.napari_plugin.layers import header_of, image_of, recalibrate
from isoscale_ij.napari_plugin.running import Job, Runner
from isoscale_ij.napari_plugin.sigma_row import SigmaRow
from isoscale_ij.napari_plugin.visible import thinned, visible_part
from isoscale_ij.operations.choices import BORDERS, THRESHOLDS
from isoscale_ij.operations.segmentation import voronoi_otsu_labeling
from isoscale_ij.operations.sigmas import resolve_sigmas
from isoscale_ij.operations.suggestion import Suggestion, suggest_sigmas
from isoscale_ij.progress import OnProgress
from isoscale_ij.wording import counted, short

_SPOT, _OUTLINE = (1.8, 10), (0.9, 5)  # in µm; in voxels where there is no unit, or nothing in µm fits
_FITS = (2, 60)  # voxels that a sigma in µm is taken for one of
_PREVIEW = "preview"
_DELAY = 60  # ms after the last change, so that dragging does not queue
_SIGMAS_AROUND = 2.0  # of depth around the plane that is seen


class LabelObjects(Form):
    """Labels bright, round objects; a preview of the region that is seen follows each change."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.choice = LayerChoice(napari_viewer, IMAGES)
        self.rows.addRow("Image", self.choice)
        self.channel = QComboBox()
        self.rows.addRow("Channel", self.channel)
        self.spot = SigmaRow("", "About half the radius of an object: a larger one finds fewer objects", self._changed)
        self.outline = SigmaRow("", "How smooth outlines are; less than the spot sigma", self._changed)
        self.rows.addRow("Spot sigma", self.spot)
        self.rows.addRow("Outline sigma", self.outline)
        self.suggest = Runner("Suggest sigmas", self._suggest)
        self.suggest.start.setToolTip(
            "Looks at the sizes of the objects that many sigmas find, and says how sure it is"
        )
        self.rows.addRow("", self.suggest)
        self.advice = self.text()
        self.threshold = QComboBox()
        self.threshold.addItems(THRESHOLDS)
        self.threshold.setEditable(True)
        self.threshold.setToolTip(
            "otsu: one for the whole image; local: one for each object, where they differ in brightness; "
            "or type a grey value of the blurred image"
        )
        self.threshold.currentTextChanged.connect(self._changed)
        self.rows.addRow("Threshold", self.threshold)
        self.borders = QComboBox()
        self.borders.addItems(BORDERS)
        self.borders.setToolTip(
            "distance: half way between the middles of objects; light: along the dark valleys between them"
        )
        self.borders.currentTextChanged.connect(self._changed)
        self.rows.addRow("Borders", self.borders)
        self.preview = QCheckBox("Preview of what is seen")
        self.preview.setToolTip(
            "Its threshold is that of the region in view; where that is large, some voxels are left out"
        )
        self.rows.addRow(self.preview)
        self.summary = self.text()
        self.runner = Runner("Label all of it", self._label)
        self.rows.addRow(self.runner)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_DELAY)
        self._timer.timeout.connect(self._try)
        self._job: Job | None = None
        self._layer: Any = None
        self.preview.toggled.connect(self._toggled)
        self.channel.currentIndexChanged.connect(lambda _: self._changed())
        for event in (napari_viewer.dims.events.current_step, napari_viewer.camera.events.center):
            event.connect(self._changed)
        napari_viewer.camera.events.zoom.connect(self._changed)
        self.choice.follow(self._chosen)

    def options(self) -> dict[str, Any]:
        """What is asked of :func:`isoscale_ij.voronoi_otsu_labeling`."""
        return {
            "spot_sigma": self.spot.text, "outline_sigma": self.outline.text,
            "threshold": _threshold(self.threshold.currentText().strip()), "borders": self.borders.currentText(),
            "channel": channel_of(self.channel),
        }  # fmt: skip

    def _chosen(self) -> None:
        layer = self.choice.layer
        if layer is None:
            return
        fill_channels(self, self.channel, layer)
        self._advise("")
        try:
            header = header_of(layer)
        except IsoscaleError as error:
            self.summary.setText(str(error))
            return
        sizes, unit = voxel_size(header), length_unit(header)
        smallest = min(sizes.values(), default=1.0)
        for row, (micrometers, voxels) in ((self.spot, _SPOT), (self.outline, _OUTLINE)):
            row.scale(smallest, unit)
            if not row.text:
                row.set(_first_sigma(micrometers, voxels, smallest, unit))
        self._changed()

    def _changed(self, _event: Any = None) -> None:
        if self.preview.isChecked():
            self._timer.start()

    def _toggled(self, on: bool) -> None:
        if on:
            self._timer.start()
            return
        self._timer.stop()
        if self._job is not None:
            self._job.cancel()
        if self._layer is not None and self._layer in self.viewer.layers:
            self.viewer.layers.remove(self._layer)
        self._layer = None
        self.summary.setText("")

    def _try(self) -> None:
        """Label what is seen, in a thread; an older trial is given up."""
        layer = self.choice.layer
        if layer is None or not self.preview.isChecked():
            return
        if self._job is not None:
            self._job.cancel()
        self.runner.watch(self._give_up)
        options = self.options()
        try:
            image = choose_channel(image_of(layer), options.pop("channel"))
            sigmas = resolve_sigmas(Grid.of(image), options["spot_sigma"], "spot_sigma")
            part = visible_part(self.viewer, layer, image, round(_SIGMAS_AROUND * sigmas.voxels[0]) + 1)
        except IsoscaleError as error:
            self.summary.setText(str(error))
            return
        coarse = thinned(part)
        self._job = Job(
            lambda on_progress: voronoi_otsu_labeling(coarse, **_in_voxels_of(coarse, part, options),
                                                      on_progress=on_progress),
            self._show, lambda error: self.summary.setText(str(error)), quiet=True,
        )  # fmt: skip

    def _show(self, labels: xr.DataArray) -> None:
        if not self.preview.isChecked():
            return
        labels = labels.rename(_PREVIEW)
        if self._layer is None or self._layer not in self.viewer.layers or self._layer.ndim != labels.ndim:
            active = self.viewer.layers.selection.active
            self._layer = self.add(labels)
            self.viewer.layers.selection.active = active
        else:
            self._layer.data = labels.data
            recalibrate(self._layer, labels)
        count = counted(int(labels.data.max()), "object")
        self.summary.setText(f"{count} in view; threshold {short(labels.attrs['threshold'])}")

    def _give_up(self) -> None:
        self._timer.stop()
        if self._job is not None:
            self._job.cancel()

    def _advise(self, text: str) -> None:
        self.advice.setText(text)
        self.rows.setRowVisible(self.advice, bool(text))

    def _suggest(self) -> None:
        layer = self.choice.layer
        if layer is None:
            return
        image, channel = image_of(layer), channel_of(self.channel)

        def done(suggestion: Suggestion) -> None:
            self._advise(suggestion.reason)
            for row, sigma in ((self.spot, suggestion.spot_sigma), (self.outline, suggestion.outline_sigma)):
                if sigma is not None:
                    row.field.setText(sigma if isinstance(sigma, str) else f"{short(sigma)} {suggestion.unit}")

        self.suggest.run(lambda on_progress: suggest_sigmas(image, channel=channel, on_progress=on_progress), done)

    def _label(self) -> None:
        layer = self.choice.layer
        if layer is None:
            return
        options, name = self.options(), layer.name
        image = image_of(layer)
        grid = Grid.of(as_image(image))
        for what in ("spot_sigma", "outline_sigma"):  # what is wrong is said at once
            resolve_sigmas(grid, options[what], what)

        def work(on_progress: OnProgress) -> xr.DataArray:
            return voronoi_otsu_labeling(image, **options, on_progress=on_progress)

        def done(labels: xr.DataArray) -> None:
            self.preview.setChecked(False)
            self.add(labels, name=f"{name} labels")
            self.summary.setText(counted(int(labels.data.max()), "object"))

        self.runner.run(work, done)


def _first_sigma(micrometers: float, voxels: float, smallest: float, unit: str | None) -> float:
    """What a sigma is before anybody has said it, in the unit of the image."""
    if unit is None:
        return voxels
    if is_length(unit):
        length = convert(micrometers, "micrometer", unit)
        if _FITS[0] * smallest <= length <= _FITS[1] * smallest:
            return length
    return voxels * smallest


def _in_voxels_of(coarse: xr.DataArray, part: xr.DataArray, options: dict[str, Any]) -> dict[str, Any]:
    """The same sigmas on a coarser grid: those in voxels count voxels of the image."""
    step = part.sizes["x"] / coarse.sizes["x"]
    if step < 1.5:
        return options
    changed = dict(options)
    for what in ("spot_sigma", "outline_sigma"):
        sigmas = resolve_sigmas(Grid.of(part), options[what], what)
        if sigmas.in_voxels:
            z, y, x = sigmas.voxels
            per_axis = {"z": z, "y": y / round(step), "x": x / round(step)}
            changed[what] = {axis: f"{value} px" for axis, value in per_axis.items() if axis in part.dims}
    return changed


def _threshold(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
