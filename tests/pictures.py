"""Pictures and slides made on the spot, as arrays and as files."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import zarr
from PIL import Image


def noise(*shape: int, seed: int = 0, dtype: Any = np.uint8) -> np.ndarray:
    """Every value of the type, at random; of floats those in 0..1."""
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.random(shape).astype(dtype)
    return rng.integers(0, int(np.iinfo(dtype).max) + 1, shape).astype(dtype)


def write_picture(path: Path, pixels: np.ndarray, mode: str | None = None, **options: Any) -> Path:
    """A file whose name says its kind; ``mode`` is one of Pillow's that the pixels are converted to."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix in {".tif", ".tiff"} and mode is None:
        tifffile.imwrite(path, pixels, **{"photometric": "rgb" if pixels.shape[-1] == 3 else "minisblack", **options})
        return path
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path, **options)
    return path


def claimed(path: Path, width: int, height: int) -> Path:
    """A png of a few bytes that claims to be of this size."""
    write_picture(path, noise(20, 20, 3))
    content = bytearray(path.read_bytes())
    content[16:24] = struct.pack(">II", width, height)
    content[29:33] = struct.pack(">I", zlib.crc32(bytes(content[12:29])))
    path.write_bytes(bytes(content))
    return path


def pyramid(pixels: np.ndarray, n_levels: int = 3) -> list[np.ndarray]:
    """Levels of ``(height, width[, 3])``, each the means of 2 x 2 pixels of the one before."""
    levels = [pixels]
    for _ in range(n_levels - 1):
        last = levels[-1]
        height, width = (side // 2 * 2 for side in last.shape[:2])
        blocks = last[:height, :width].reshape(height // 2, 2, width // 2, 2, *last.shape[2:])
        levels.append(np.rint(blocks.mean(axis=(1, 3))).astype(pixels.dtype))
    return levels


def write_pyramid(path: Path, levels: list[np.ndarray], *, tile: int = 32, **metadata: Any) -> Path:
    """A tiled TIFF with its levels in SubIFDs, an OME-TIFF by the name ``.ome.tif``."""
    ome = path.name.endswith(".ome.tif")
    options: dict[str, Any] = {
        "tile": (tile, tile),
        "compression": "zlib",
        "photometric": "rgb" if levels[0].ndim == 3 else "minisblack",
    }
    with tifffile.TiffWriter(path, ome=ome) as file:
        told = {"axes": "YXS" if levels[0].ndim == 3 else "YX", **metadata} if ome else None
        file.write(levels[0], subifds=len(levels) - 1, metadata=told, **options)
        for level in levels[1:]:
            file.write(level, subfiletype=1, metadata=None, **options)
    return path


def write_ome_zarr(
    path: Path,
    levels: list[np.ndarray],
    *,
    version: str = "0.4",
    pixel_size: float | None = 0.5,
    shift: tuple[float, float] = (0.0, 0.0),
    unit: str = "micrometer",
    chunk: int = 32,
) -> Path:
    """OME-Zarr of channels first; its world is shifted by micrometres."""
    coloured = levels[0].ndim == 3
    group = zarr.open_group(path, mode="w", zarr_format=2 if version == "0.4" else 3)
    datasets = []
    for number, level in enumerate(levels):
        stored = np.moveaxis(level, -1, 0) if coloured else level
        chunks = (*((len(stored),) if coloured else ()), chunk, chunk)
        array = group.create_array(str(number), shape=stored.shape, dtype=stored.dtype, chunks=chunks)
        array[...] = stored
        steps: list[dict[str, Any]] = []
        if pixel_size is not None:
            scale = pixel_size * 2**number
            steps = [{"type": "scale", "scale": [*([1.0] if coloured else []), scale, scale]}]
            if any(shift):
                steps.append({"type": "translation", "translation": [*([0.0] if coloured else []), *shift]})
        datasets.append({"path": str(number), "coordinateTransformations": steps})
    told = {} if pixel_size is None else {"unit": unit}
    axes: list[dict[str, str]] = [{"name": "c", "type": "channel"}] if coloured else []
    axes += [{"name": name, "type": "space", **told} for name in "yx"]
    multiscales = [{"version": version, "axes": axes, "datasets": datasets}]
    if version == "0.4":
        group.attrs["multiscales"] = multiscales
    else:
        group.attrs["ome"] = {"version": version, "multiscales": multiscales}
    return path


def whole(slide: Any, level: int = 0) -> np.ndarray:
    """All of a level, as networks read it."""
    return slide.region(level, 0, 0, *slide.levels[level].size)


def unit(pixels: np.ndarray) -> np.ndarray:
    """Pixels of 8 bits, ``(height, width[, 3])``, as networks read them."""
    values = pixels / np.float32(255)
    return np.moveaxis(values, -1, 0) if pixels.ndim == 3 else values[None]
