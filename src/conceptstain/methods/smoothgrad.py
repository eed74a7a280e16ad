"""SmoothGrad: the mean gradient of a picture with noise added to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from conceptstain.canvas.canvas import Canvas
from conceptstain.concepts.concept import Concept
from conceptstain.inputs import ItemIndices
from conceptstain.methods.asking import ScoreOf, explained, items_asked, refuse
from conceptstain.methods.attribution import Attribution
from conceptstain.methods.gradient import copies_at_once
from conceptstain.methods.map_settings import MapSettings
from conceptstain.methods.preflight import cannot_be_differentiated
from conceptstain.nets.encoder import Encoder
from conceptstain.progress import Report, silent

__all__ = ["smoothgrad"]


def smoothgrad(
    canvas: Canvas,
    encoder: Encoder,
    concept: Concept,
    *,
    noise: float = 0.1,
    samples: int = 50,
    seed: int = 0,
    items: ItemIndices | None = None,
    report: Report = silent,
) -> Attribution:
    """The mean gradient of the concept score over noisy copies of each picture, with its sign.

    Another draw of noise gives another map. How much another is told in ``settings["run_correlation"]``: what two runs
    of as many samples correlate, from the correlation of the two halves of this one (Spearman-Brown), mean over the
    items.

    Parameters
    ----------
    canvas, encoder, concept, items, report
        As for :func:`conceptstain.methods.saliency.saliency`.
    noise
        Standard deviation of the noise, as a part of the range ``max - min`` of each picture.
    samples
        Noisy copies of each picture, 2 or more.
    seed
        Of the noise. Every item has its own, which does not depend on what else is asked.

    Returns
    -------
    Attribution
        One map per item; linear in the concept, the noise being the same.

    Raises
    ------
    MismatchError
        Canvas, encoder and concept do not belong together, or the network cannot be differentiated.
    InputError
        No such item, fewer than two samples, or noise below 0.

    Notes
    -----
    The released code of Concept Saliency Maps takes the range over the whole batch; here it is each picture's own, so
    that a map does not depend on what is asked with it. Neither squared nor absolute, as there.

    References
    ----------
    Smilkov et al. 2017, arXiv:1706.03825, section 3; computed by captum (``NoiseTunnel`` over ``Saliency`` with
    ``abs=False``).
    """
    detail = MapSettings(noise=noise, samples=samples).detail("noise", "samples")
    chosen, missing = items_asked(canvas, encoder, concept, items)
    refuse("SmoothGrad", cannot_be_differentiated(encoder, concept.space))
    from captum.attr import NoiseTunnel, Saliency

    copies = copies_at_once(canvas.shape)
    halves = (samples // 2, samples - samples // 2)
    correlations: list[float] = []

    def explain(score: ScoreOf, x: Tensor, at: NDArray[np.integer]) -> Tensor:
        tunnel = NoiseTunnel(Saliency(score))
        picture = x.detach()
        deviation = noise * float(picture.max() - picture.min())
        with _noise_of(picture.device, _seed_of(seed, int(at[0]))):
            one, other = (
                tunnel.attribute(
                    picture, nt_samples=n, nt_samples_batch_size=min(n, copies), stdevs=deviation, abs=False
                )
                for n in halves
            )
        correlations.append(_of_two_runs(one, other))
        made: Tensor = (halves[0] * one + halves[1] * other) / samples
        return made

    made = explained(canvas, encoder, concept, chosen, explain, at_once=1, message="Smoothing gradients", report=report)
    return Attribution(
        method="SmoothGrad",
        name=concept.name,
        values=made,
        items=tuple(int(item) for item in chosen),
        signed=True,
        concept=concept,
        encoder=encoder.fingerprint,
        settings={
            "noise": float(noise),
            "samples": int(samples),
            "seed": int(seed),
            "run_correlation": float(np.mean(correlations)),
            "missing": missing,
        },
        detail=detail,
    )


@contextmanager
def _noise_of(device: torch.device, seed: int) -> Iterator[None]:
    """Random numbers of a seed within a ``with`` block; others' go on afterwards as if nothing had been drawn."""
    on_card = device.type == "cuda"
    with torch.random.fork_rng(devices=[device] if on_card else []):
        # The global seed would begin the numbers of every device anew, also of those that are not put back.
        (torch.manual_seed if on_card else torch.default_generator.manual_seed)(seed)
        yield


def _seed_of(seed: int, item: int) -> int:
    """One seed for every pair of seed and item."""
    return int(np.random.SeedSequence([seed, item]).generate_state(1, dtype=np.uint32)[0])


def _of_two_runs(one: Tensor, other: Tensor) -> float:
    """Correlation of two runs from that of two halves; 1 where nothing varies, 0 where halves contradict each other."""
    pair = torch.stack([one.flatten(), other.flatten()]).double()
    pair = pair - pair.mean(dim=1, keepdim=True)
    lengths = float(pair[0].norm() * pair[1].norm())
    if lengths == 0.0:
        return 1.0 if torch.equal(one, other) else 0.0
    halves = max(float(pair[0] @ pair[1]) / lengths, 0.0)
    return 2.0 * halves / (1.0 + halves)
