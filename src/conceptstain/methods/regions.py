"""The gradient by regions: a map that follows the parts that a picture itself falls into."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from scipy.ndimage import gaussian_filter
from scipy.ndimage import mean as mean_of_labels

from conceptstain.canvas.canvas import Canvas
from conceptstain.concepts.concept import Concept
from conceptstain.errors import MismatchError
from conceptstain.inputs import ItemIndices
from conceptstain.methods.asking import items_asked
from conceptstain.methods.attribution import Attribution
from conceptstain.methods.saliency import saliency
from conceptstain.nets.encoder import Encoder
from conceptstain.progress import Report, Step, silent

__all__ = ["SCALES", "gradient_by_regions", "over_regions", "regions_of"]

SMOOTH = 0.03  # of the width, as gradients are shown
SCALES = (30.0, 60.0, 120.0, 250.0, 500.0)
"""How large regions are preferred to be, in pictures of 64 x 64 pixels (the ``scale`` of scikit-image)."""
BLURS = (0.5, 0.8)  # pixels
SMALLEST = 0.003  # part of the picture
SIDE = 64.0


def gradient_by_regions(
    canvas: Canvas,
    encoder: Encoder,
    concept: Concept,
    *,
    items: ItemIndices | None = None,
    report: Report = silent,
) -> Attribution:
    """Magnitudes of the gradient of the concept score, mean over the regions that each picture falls into.

    The picture is cut into regions of alike colours, ten times, coarsely and finely. At each pixel stands the mean,
    over the ten, of what the region around it has of ``sum over channels |d s_c / d x|`` (smoothed by 3 % of the
    width). So the edges of the map are edges of the picture, and a region counts as a whole.

    Parameters
    ----------
    canvas, encoder, concept, items, report
        As for :func:`conceptstain.methods.saliency.saliency`.

    Returns
    -------
    Attribution
        One map per item, the same for all channels; not negative, positively homogeneous in the concept.

    Raises
    ------
    MismatchError
        Canvas, encoder and concept do not belong together, the inputs are no pictures, or the network cannot be
        differentiated.
    InputError
        No such item.

    Notes
    -----
    Regions as in XRAI, which ranks them by integrated gradients, one after another; here nothing is ranked, and the
    gradient has no baseline.

    References
    ----------
    Kapishnikov et al. 2019, arXiv:1906.02825 (XRAI); Felzenszwalb & Huttenlocher 2004, doi
    10.1023/B:VISI.0000022288.19776.77 (the regions, by scikit-image).
    """
    chosen, missing = items_asked(canvas, encoder, concept, items)
    if len(canvas.shape) != 3:
        raise MismatchError(
            "Only pictures fall into regions", got=f"inputs of shape {canvas.shape}", cure="Choose another map"
        )
    sigma = SMOOTH * canvas.shape[-1]
    values = np.empty((len(chosen), *canvas.shape), dtype=np.float32)
    for row, item in enumerate(chosen):  # one by one: cutting a picture takes longer than its gradient
        gradient = saliency(canvas, encoder, concept, items=[int(item)]).values[0]
        strength = gaussian_filter(np.abs(gradient).sum(axis=0, dtype=np.float64), sigma, mode="nearest")
        values[row] = over_regions(strength, regions_of(canvas.inputs([int(item)])[0]))
        report(Step(row + 1, len(chosen), "Cutting pictures into regions"))
    return Attribution(
        method="gradient by regions",
        name=concept.name,
        values=values,
        items=tuple(int(item) for item in chosen),
        signed=False,
        concept=concept,
        encoder=encoder.fingerprint,
        settings={"scales": SCALES, "blurs": BLURS, "smallest": SMALLEST, "smooth": SMOOTH, "missing": missing},
    )


def regions_of(picture: Float[np.ndarray, "channels height width"]) -> list[Int[np.ndarray, "height width"]]:
    """Regions of alike colours, coarse and fine: for each way of cutting, the number of the region of every pixel.

    Pictures with values beyond 0..1, such as genes in z-scores, are brought to that range first.
    """
    from skimage.segmentation import felzenszwalb  # takes a second to load

    low, high = float(picture.min()), float(picture.max())
    if low < 0 or high > 1:
        picture = (picture - low) / ((high - low) or 1.0)
    pixels = picture.shape[1] * picture.shape[2]
    smallest = max(2, round(SMALLEST * pixels))
    larger = np.sqrt(pixels) / SIDE
    colours = np.moveaxis(picture, 0, -1).astype(np.float64)
    return [
        felzenszwalb(colours, scale=scale * larger, sigma=blur, min_size=smallest, channel_axis=-1)
        for scale in SCALES
        for blur in BLURS
    ]


def over_regions(
    strength: Float[np.ndarray, "height width"], cuts: list[Int[np.ndarray, "height width"]]
) -> Float[np.ndarray, "height width"]:
    """At each pixel the mean, over the cuts, of what the region around it has on average."""
    total = np.zeros_like(strength)
    for regions in cuts:
        means = np.asarray(mean_of_labels(strength, regions, np.arange(regions.max() + 1)))
        total += means[regions]
    return total / len(cuts)
