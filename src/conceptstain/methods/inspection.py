"""Going through a set of pictures: maps at their own pixels, pictures ranked, and how well masks are found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, TypeAlias, final

import numpy as np
from jaxtyping import Bool, Float

from conceptstain.canvas.image_set import ImageSet
from conceptstain.concepts.normal import Normal, deviations
from conceptstain.methods.anomaly import anomaly_maps
from conceptstain.methods.anomaly_settings import DEFAULT_ANOMALY, AnomalyMethod, AnomalySettings, checked_method
from conceptstain.methods.anomaly_threshold import AnomalyThreshold
from conceptstain.methods.detection import DetectionMetrics
from conceptstain.nets.encoder import Encoder
from conceptstain.progress import Report, Step, silent

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["BASELINES", "Inspection"]

BASELINES: tuple[AnomalyMethod, ...] = ("intensity", "contrast")
"""What every map has to beat: no network takes part."""

MaskOf: TypeAlias = Callable[[int], Bool[np.ndarray, "height width"] | None]


@final
class Inspection:
    """Goes through pictures once; afterwards it has them ranked, and says how well maps find what masks show.

    Parameters
    ----------
    canvas
        The pictures.
    encoder, normal, method, settings
        As for :func:`~conceptstain.methods.anomaly.anomaly`.
    threshold
        What counts as anomalous.
    masks
        ``masks(item)``: where a picture is painted at its own pixels, or None where it is not; None: nothing is judged.
    report
        Called after every chunk.

    Raises
    ------
    MismatchError, InputError
        As for the map.
    """

    def __init__(
        self,
        canvas: ImageSet,
        encoder: Encoder,
        normal: Normal,
        *,
        threshold: AnomalyThreshold,
        method: str = DEFAULT_ANOMALY,
        settings: AnomalySettings | None = None,
        masks: MaskOf | None = None,
        report: Report = silent,
    ) -> None:
        self._canvas, self._encoder, self._normal = canvas, encoder, normal
        self._threshold, self._settings, self._masks, self._report = threshold, settings, masks, report
        self.method = checked_method(method)
        judged = dict.fromkeys((self.method, *BASELINES)) if masks is not None else ()
        self._metrics = {each: DetectionMetrics() for each in judged}
        self._rows: dict[int, dict[str, float | bool]] = {}

    def pages(self) -> Iterator[tuple[str, Float[np.ndarray, "height width"]]]:
        """Name and map of every picture at its own pixels, NaN where the frame does not show it; one at a time."""
        canvas, done = self._canvas, 0
        asked = (canvas, self._encoder, self._normal)
        far = deviations(*asked, report=self._report)
        for found in anomaly_maps(*asked, method=self.method, settings=self._settings):
            for item, map_ in zip(found.items.tolist(), found.maps, strict=True):
                page = canvas.place(map_, item)
                self._take(item, page, float(far[item]))
                yield str(canvas.item_names[item]), page
            others = [method for method in self._metrics if method != self.method]
            for method in others:
                for beside in anomaly_maps(*asked, method=method, items=found.items, settings=self._settings):
                    for item, map_ in zip(beside.items.tolist(), beside.maps, strict=True):
                        self._judge(method, item, canvas.place(map_, item))
            done += len(found.items)
            self._report(Step(done, len(canvas), "Looking for anomalies"))

    def table(self) -> pd.DataFrame:
        """The pictures that were gone through, the most anomalous first.

        Returns
        -------
        DataFrame
            Indexed by name: ``deviation`` (of the latents, in standard deviations), ``score`` (the highest value of the
            map), ``anomalous`` (whether that is above the threshold), ``part_above`` (of the pixels that are above
            theirs), and with masks ``painted`` (part of the pixels).
        """
        import pandas as pd

        names = pd.Index([str(self._canvas.item_names[item]) for item in self._rows], name=self._canvas.noun)
        table = pd.DataFrame(list(self._rows.values()), index=names)
        return table.sort_values("score", ascending=False, kind="stable")

    def detection(self) -> pd.DataFrame:
        """How well the map and the baselines find what is painted: the fields of a Detection, one row for each."""
        import pandas as pd

        found = [asdict(metrics.result()) for metrics in self._metrics.values()]
        return pd.DataFrame(found, index=pd.Index(list(self._metrics), name="method"))

    def most_anomalous(self, number: int) -> list[int]:
        """So many pictures with the highest scores, by index, the highest first."""
        return sorted(self._rows, key=lambda item: -float(self._rows[item]["score"]))[:number]

    def _take(self, item: int, page: Float[np.ndarray, "height width"], far: float) -> None:
        known = page[~np.isnan(page)]
        score = float(known.max())
        row: dict[str, float | bool] = {
            "deviation": far,
            "score": score,
            "anomalous": score > self._threshold.item_value,
            "part_above": float((known > self._threshold.value).mean()),
        }
        if self._masks is not None:
            mask = self._masks(item)
            row["painted"] = 0.0 if mask is None else float(mask.mean())
            self._judge(self.method, item, page)
        self._rows[item] = row

    def _judge(self, method: AnomalyMethod, item: int, page: Float[np.ndarray, "height width"]) -> None:
        self._metrics[method].update(page, None if self._masks is None else self._masks(item))
