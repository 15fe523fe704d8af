"""What comes in as an image: other names of axes, dates, pictures in RGB, and what is no image at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest
import xarray as xr

import isoscale_ij as iso


@pytest.fixture
def blob() -> xr.DataArray:
    z, y, x = np.meshgrid(np.arange(8), np.arange(32), np.arange(32), indexing="ij")
    values = 100 * np.exp(-((z - 4) ** 2 + ((y - 16) / 3) ** 2 + ((x - 16) / 3) ** 2) / 2)
    return iso.as_image(values.astype(np.float32), voxel_size=(2, 1, 1), unit="um")


@pytest.mark.parametrize("names", ["zyx", "ZYX", ("pln", "row", "col")])
def test_axes_by_any_of_their_names(blob: xr.DataArray, names: Any) -> None:
    size = dict(zip(names, (2.0, 1.0, 1.0), strict=True))
    expected = iso.vol(blob, spot_sigma={"z": 2, "y": 1, "x": 1}, outline_sigma=1)
    assert iso.voxel_size(iso.as_image(blob.values, voxel_size=size, unit="um")) == iso.voxel_size(blob)
    assert iso.rescale(blob, {names[0]: 1.0}).shape == (16, 32, 32)
    assert iso.rescale(blob, factor={names[0]: 2}).shape == (16, 32, 32)
    found = iso.vol(blob, spot_sigma=size, outline_sigma=dict.fromkeys(names, 1.0))
    np.testing.assert_array_equal(found.values, expected.values)
    assert iso.set_voxel_size(blob, origin={names[0]: 5}).z[0] == 6


@pytest.mark.parametrize("kind", [np.float64, np.array, xr.DataArray, lambda value: [value] * 3])
def test_one_value_in_any_form(blob: xr.DataArray, kind: Any) -> None:
    assert set(iso.voxel_size(iso.as_image(blob.values, voxel_size=kind(0.5), unit="um")).values()) == {0.5}
    assert iso.rescale(blob, kind(1.0)).shape == (16, 32, 32)
    assert iso.rescale(blob, factor=kind(2.0)).shape == (16, 64, 64)
    labels = iso.vol(blob, spot_sigma=kind(2.0), outline_sigma=kind(1.0))
    assert labels.max() == 1
    assert iso.vol(blob, spot_sigma=np.array([2.0, 2, 2]), outline_sigma=1.0).identical(
        labels.assign_attrs(spot_sigma=[2.0, 2.0, 2.0], outline_sigma=1.0)
    )


def test_axes_that_do_not_fit(blob: xr.DataArray) -> None:
    for call in (
        lambda: iso.rescale(blob, {"q": 1.0}),
        lambda: iso.rescale(blob, {"t": 1.0}),
        lambda: iso.rescale(blob, {"z": 1.0, "Z": 2.0}),
        lambda: iso.rescale(blob, [1.0, 2.0]),
        lambda: iso.rescale(blob, factor=[1.0, 2.0]),
        lambda: iso.vol(blob, spot_sigma={"z": 1.0}, outline_sigma=1),
        lambda: iso.vol(blob, spot_sigma=[1.0], outline_sigma=1),
        lambda: iso.rescale(blob, factor=True),
        lambda: iso.set_voxel_size(blob, z=True),
    ):
        with pytest.raises(iso.ParameterError, match="needed is"):
            call()


# Time


def minutes(kind: str) -> xr.DataArray:
    steps = np.arange(3) * np.timedelta64(90, "s")
    times = {"date": np.datetime64("2024-01-01T00:00:30", "ns") + steps, "duration": steps.astype("m8[ns]")}
    return xr.DataArray(np.zeros((3, 4, 5), np.uint8), dims=["t", "y", "x"], coords={"t": times[kind]})


@pytest.mark.parametrize("kind", ["date", "duration"])
@pytest.mark.parametrize("ending", [".tif", ".ome.tif"])
def test_dates_and_durations_become_seconds(kind: str, ending: str, tmp_path: Path) -> None:
    image = iso.as_image(minutes(kind), voxel_size=(0.2, 0.2), unit="um")
    assert image.t.values.tolist() == [0, 90, 180]
    assert (image.t.attrs["units"], image.t.attrs["spacing"]) == ("second", 90)
    assert image.attrs == ({"start": "2024-01-01T00:00:30.000000000"} if kind == "date" else {})
    iso.write(tmp_path / f"a{ending}", image)
    back = iso.info(iso.read(tmp_path / f"a{ending}"))
    assert (back.extent["t"], back.units["t"]) == (270, "second")


def test_coordinates_that_are_no_numbers() -> None:
    image = minutes("date")
    for bad in (
        image.assign_coords(t=np.array(["2024", "NaT", "2026"], "M8[ns]")),
        image.drop_vars("t").assign_coords(y=np.arange(4).astype("m8[s]")),
        image.drop_vars("t").assign_coords(x=list("abcde")),
    ):
        with pytest.raises(iso.CalibrationError, match=r"no positions.*drop_vars"):
            iso.info(bad)


# What is no image, or another one than it seems


@pytest.mark.parametrize(
    "call",
    [
        iso.info, iso.voxel_size, iso.measure, iso.as_image, iso.plan_rescale,
        lambda image: iso.set_voxel_size(image, z=1), lambda image: iso.rescale(image, 1.0),
        lambda image: iso.vol(image, spot_sigma=1, outline_sigma=1),
        lambda image: iso.compare(image, spot_sigma=1, outline_sigma=1),
        lambda image: iso.write("never-written.tif", image),
        lambda image: iso.measure(np.ones((4, 4), np.uint8), image) if image is not None else iso.info(None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("value", ["my.tif", Path("my.tif"), None, {}, b"", {1, 2}, object(), xr.Dataset()])
def test_what_is_no_image_gets_a_sentence(call: Any, value: Any) -> None:
    with pytest.raises(iso.ParameterError, match=r"needed|isoscale_ij\.read\("):
        call(value)
    assert not Path("never-written.tif").exists()


def test_the_sentence_names_read() -> None:
    with pytest.raises(iso.ParameterError, match=r"isoscale_ij\.read\('my\.tif'\)"):
        iso.vol("my.tif", spot_sigma=1, outline_sigma=1)
    with pytest.raises(iso.ParameterError, match=r"Got None.*isoscale_ij\.read\(path\)"):
        iso.rescale(None, 1.0)
    with pytest.raises(iso.FormatError, match=r"Got a list"):
        iso.as_image([[1, 2], [3]])


def test_dims_that_do_not_fit() -> None:
    for dims in ("yx", "zzyx", 5, "zyq"):
        for array in (np.zeros((3, 4, 5)), xr.DataArray(np.zeros((3, 4, 5)))):
            with pytest.raises(iso.FormatError, match="needed"):
                iso.as_image(array, dims=dims)


def test_units_that_are_not_known() -> None:
    array = np.zeros((3, 4, 5), np.uint8)
    for unit in ("furlong", "s", 3, "umm"):
        with pytest.raises(iso.CalibrationError, match="known are um"):
            iso.as_image(array, voxel_size=1, unit=unit)
        with pytest.raises(iso.CalibrationError, match="known are um"):
            iso.set_voxel_size(array, z=1, unit=unit)
    with pytest.raises(iso.CalibrationError, match="known are s"):
        iso.set_voxel_size(array[np.newaxis, np.newaxis], t=1, time_unit="um")


def test_a_channel_is_a_name_or_a_whole_number() -> None:
    image = iso.as_image(np.random.default_rng(0).random((2, 4, 9, 9)), "czyx", voxel_size=1, unit="um")
    image = image.assign_coords(c=["DAPI", "1.9"])
    for channel in (1.9, 1.0, True, False, np.True_, "1.5", "-1", 2, -1, [0], (), "dapi"):
        with pytest.raises(iso.ParameterError, match=r"0 \(DAPI\), 1 \(1\.9\)"):
            iso.vol(image, spot_sigma=1, outline_sigma=1, channel=channel)
        with pytest.raises(iso.ParameterError, match="no channels"):
            iso.vol(image.isel(c=0, drop=True), spot_sigma=1, outline_sigma=1, channel=channel)
    found = []
    for channel in ("1.9", np.int64(1), "1"):
        with pytest.warns(iso.SegmentationWarning):
            found.append(iso.vol(image, spot_sigma=1, outline_sigma=1, channel=channel))
    assert found[0].equals(found[1])
    assert found[0].equals(found[2])


def test_a_picture_in_rgb_is_pointed_out() -> None:
    with pytest.warns(UserWarning, match=r'RGB.*dims="yxc"'):
        image = iso.as_image(np.zeros((20, 30, 3), np.uint8))
    assert image.dims == ("z", "y", "x")
    iso.as_image(np.zeros((20, 30, 3), np.uint8), "yxc")
    iso.as_image(np.zeros((20, 30, 3), np.uint16))
    iso.as_image(np.zeros((3, 30, 30), np.uint8))


def test_numbers_that_are_too_long_and_limits_that_are_none() -> None:
    with pytest.raises(iso.FormatError, match="64 bits"):
        iso.as_image(np.zeros((3, 4, 5), np.longdouble))
    image = iso.as_image(np.zeros((3, 4, 5), np.uint8), voxel_size=1, unit="um")
    for limit in (np.inf, np.nan, 0, -1, True, [1], "inf", "2 GX", ""):
        with pytest.raises(iso.ParameterError, match="amount of memory"):
            iso.rescale(image, 0.5, memory_limit=limit)
        with pytest.raises(iso.ParameterError, match="amount of memory"):
            iso.measure(image, memory_limit=limit)
    assert iso.rescale(image, 0.5, memory_limit=np.int64(2**33)).shape == (6, 8, 10)
    with pytest.raises(iso.ParameterError, match="whole numbers"):
        iso.measure(image.astype(float) * np.nan)
    for size in ("1 s", "2 px"):
        for array in (image, image.values):
            with pytest.raises(iso.CalibrationError, match="needed"):
                iso.set_voxel_size(array, x=size)


def test_arguments_that_are_no_numbers(nuclei: tuple) -> None:
    image = nuclei[0][:4, :40, :40]
    sigmas = {"spot_sigma": "2 um", "outline_sigma": "1 um"}
    for threshold in (None, [1, 2], True, np.nan, "bright"):
        with pytest.raises(iso.ParameterError, match="Got the threshold"):
            iso.vol(image, **sigmas, threshold=threshold)
    for elongation in (None, "2", True, 0, np.inf, [1]):
        with pytest.raises(iso.ParameterError, match="Got the elongation"):
            iso.vol(image, **sigmas, elongation=elongation)
    both = xr.concat([image, image], "c").assign_coords(c=["DAPI", "DAPI"])
    with pytest.raises(iso.ParameterError, match=r"several have that name: 0 \(DAPI\), 1 \(DAPI\)"):
        iso.vol(both, **sigmas, channel="DAPI")


def test_a_dask_array_of_unknown_size() -> None:
    array = da.from_array(np.random.default_rng(0).random((10, 8)))
    with pytest.raises(iso.FormatError, match="compute_chunk_sizes"):
        iso.as_image(array[array[:, 0] > 0.1])
