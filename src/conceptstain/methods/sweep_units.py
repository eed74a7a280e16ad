"""All units of a layer swept and quantified in one run, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, final

import numpy as np
from jaxtyping import Float, Int

from conceptstain.errors import InputError
from conceptstain.inputs import ItemIndices
from conceptstain.methods.dissection_passes import Canvas
from conceptstain.methods.link import Link
from conceptstain.methods.part_measures import PartMeasures, change_of, part_measures
from conceptstain.methods.segmenters import Segmenter
from conceptstain.methods.sweep_table import NullDirections, UnitSweeps
from conceptstain.methods.sweeping import Starts, checked_units, moved_latents, spaced_values, starts_of
from conceptstain.nets.classifier import Classifier
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.generator import Generator
from conceptstain.nets.generators import as_generator
from conceptstain.nets.reading import class_probabilities
from conceptstain.progress import Report, Step, silent

__all__ = ["DRAWS", "sweep_units"]

AT_ONCE = 2**19  # numbers of samples that are held: more leave the cache of a processor, and take longer
DRAWS = 256  # random directions: one in twenty of them is a dozen
ZERO_TO_ONE = {"unit", "paper"}
DEVIATIONS = (-3.0, 3.0)  # between which the grey levels of z-scores lie

Measured: TypeAlias = "Float[np.ndarray, 'moves items parts measures']"


@final
@dataclass(frozen=True, eq=False)
class _Moves:
    """Sweeps of latents along columns: ``origin + column * amount`` for every item and step."""

    origins: Float[np.ndarray, "items latent"]
    columns: Float[np.ndarray, "moves latent"]
    amounts: Float[np.ndarray, "moves items steps"]

    def latents(self, part: slice) -> Float[np.ndarray, "some items steps latent"]:
        """Of some of them."""
        along = self.amounts[part, :, :, None] * self.columns[part, None, None, :]
        return np.asarray(self.origins[None, :, None] + along)


def sweep_units(
    link: Link,
    classifier: Classifier,
    generator: Generator | Encoder,
    canvas: Canvas,
    *,
    units: Sequence[int] | Int[np.ndarray, " units"] | None = None,
    items: ItemIndices,
    steps: int = 3,
    segmenter: Segmenter | None = None,
    draws: int = DRAWS,
    null: NullDirections = "layer",
    seed: int = 0,
    report: Report = silent,
) -> UnitSweeps:
    """Sweep every unit of the linked layer from several items, and measure what changes in each part.

    Samples are drawn, segmented, measured and forgotten some at a time: memory does not grow with the number of units.
    Without a segmenter, the classes of the classifier are read from the samples instead; of spots, genes, too.

    Parameters
    ----------
    link
        From the classifier's layer to the generator's latents.
    classifier
        Whose units.
    generator
        What draws; of an encoder, its decoder.
    canvas
        What the items are of.
    units
        Which; None: all.
    items
        Where to start from: a dozen or more, over which means and intervals are taken.
    steps
        Of each sweep, evenly over the unit's range; the first and the last are compared, and a part is hidden by its
        mean area over all.
    segmenter
        What tells the parts of samples, such as :func:`conceptstain.part_segmenter`.
    draws
        How many random directions stand beside, each as long as the move of a unit that is drawn at random.
    null
        ``"layer"``: random mixtures of the layer's units, which move the latent where units move it.
        ``"latent space"``: any direction, the weaker control where some latents draw nothing.
    seed
        Of these.
    report
        Called after every chunk; may raise :class:`Cancelled`.

    Returns
    -------
    UnitSweeps
        Its ``table`` has all changes with their intervals, ``selective(part)`` the units that change one part alone.

    Raises
    ------
    InputError
        No such unit or item, fewer than two steps, no random direction, or a segmenter of pictures for spots.
    MismatchError
        A link of other networks, or a canvas that the classifier cannot read.

    References
    ----------
    Wehrheim, Osuna-Vargas, Kaschube 2024, "Linking in Style".
    """
    made = as_generator(generator)
    link.check(classifier, made)
    if draws < 2:
        raise InputError("Units stand beside random directions", got=f"{draws}", cure=f"Use {DRAWS}")
    if segmenter is not None and len(made.shape) != 3:
        raise InputError("Spots have no parts", got="a segmenter of pictures", cure="Leave it out: classes are read")
    chosen = checked_units(link, np.arange(link.units) if units is None else units)
    values = spaced_values(link, chosen, steps)
    starts = starts_of(link, classifier, canvas, items)
    moves = _moves_of(link, starts, chosen, values)
    beside = _random_moves(link, moves, draws, null, np.random.default_rng(seed))
    parts, measures, measure = _measuring(classifier, made, segmenter)
    total = len(chosen) + draws
    size = max(1, AT_ONCE // (len(starts.items) * steps * int(np.prod(made.shape))))

    def quantified(
        latents_of: Callable[[slice], Float[np.ndarray, "some items steps latent"]], n: int, begun: int
    ) -> tuple[Measured, Float[np.ndarray, "moves genes"], Float[np.ndarray, " moves"]]:
        found = np.empty((n, len(starts.items), len(parts), len(measures)), dtype=np.float32)
        genes, lengths = np.empty((n, len(made.features)), dtype=np.float32), np.empty(n)
        for start in range(0, n, size):
            some = slice(start, min(start + size, n))
            latents = latents_of(some)
            samples = made.samples(latents.reshape(-1, made.latent)).reshape(*latents.shape[:3], *made.shape)
            found[some] = measure(samples, latents)
            lengths[some] = np.linalg.norm(latents[:, :, -1] - latents[:, :, 0], axis=-1).mean(axis=1)
            if made.features:
                genes[some] = (samples[:, :, -1] - samples[:, :, 0]).mean(axis=1)
            report(Step(begun + some.stop, total, "Sweeping units"))
        return found, genes, lengths

    def of_units(some: slice) -> Float[np.ndarray, "some items steps latent"]:
        if link.is_linear:
            return moves.latents(some)
        bent = [moved_latents(link, starts.r, chosen[[u]], values[[u]]) for u in range(some.start, some.stop)]
        return np.stack(bent)

    changes, genes, lengths = quantified(of_units, len(chosen), 0)
    random, _, random_lengths = quantified(beside.latents, draws, len(chosen))
    return UnitSweeps(
        units=chosen,
        parts=parts,
        measures=measures,
        changes=changes,
        lengths=lengths,
        null_changes=random,
        null_lengths=random_lengths,
        null=null,
        items=starts.items,
        steps=steps,
        gene_changes=genes,
        features=made.features,
    )


def _moves_of(
    link: Link, starts: Starts, units: Int[np.ndarray, " units"], values: Float[np.ndarray, "units steps"]
) -> _Moves:
    """The units' own moves; of an MLP, as its Jacobian at the mean has them."""
    amounts = values[:, None, :] - starts.r[:, units].T[:, :, None]
    return _Moves(link.latents(starts.r), link.weights[:, units].T.copy(), amounts)


def _random_moves(link: Link, moves: _Moves, draws: int, null: NullDirections, rng: np.random.Generator) -> _Moves:
    """Random directions, each with the amounts of one of the units and a column as long as its own."""
    like = rng.permutation(np.resize(rng.permutation(len(moves.columns)), draws))
    if null == "layer":
        mixed = link.weights * (link.ranges[:, 1] - link.ranges[:, 0])
        directions = rng.standard_normal((draws, link.units)) @ mixed.T
    elif null == "latent space":
        directions = rng.standard_normal((draws, link.latent))
    else:
        raise InputError("There are no such directions", got=repr(null), cure="Use layer, or latent space")
    lengths = np.linalg.norm(moves.columns[like], axis=1, keepdims=True)
    norms = np.linalg.norm(directions, axis=1, keepdims=True)
    columns = directions / np.where(norms > 0, norms, 1) * lengths
    return _Moves(moves.origins, columns, moves.amounts[like])


def _measuring(
    classifier: Classifier, generator: Generator, segmenter: Segmenter | None
) -> tuple[tuple[str, ...], tuple[str, ...], Callable[..., Measured]]:
    """Names of parts and measures, and what measures samples ``(moves, items, steps, ...)`` of latents."""
    if segmenter is None:

        def classes(
            samples: Float[np.ndarray, "moves items steps ..."],
            latents: Float[np.ndarray, "moves items steps latent"],  # noqa: ARG001 - segmenters may ask for them
        ) -> Measured:
            ends = samples[:, :, [0, -1]]
            told = class_probabilities(classifier, ends.reshape(-1, *generator.shape))
            told = told.reshape(*ends.shape[:3], -1)
            return np.asarray(told[:, :, 1] - told[:, :, 0])[..., None]

        return classifier.classes, ("probability",), classes
    span = (0.0, 1.0) if generator.scaling in ZERO_TO_ONE else DEVIATIONS

    def parts(
        samples: Float[np.ndarray, "moves items steps ..."], latents: Float[np.ndarray, "moves items steps latent"]
    ) -> Measured:
        n_moves, n_items, n_steps = samples.shape[:3]
        flat = samples.reshape(-1, *generator.shape)
        labels = segmenter.segment(flat, latents.reshape(len(flat), -1))
        measured = part_measures(flat, labels, len(segmenter.parts), span=span)
        by_step = [each.reshape(n_moves * n_items, n_steps, -1) for each in measured]
        path = [PartMeasures(*(each[:, step] for each in by_step)) for step in range(n_steps)]
        changed = np.stack(list(change_of(path).values()), axis=-1)
        return changed.reshape(n_moves, n_items, *changed.shape[1:])

    return segmenter.parts, PartMeasures._fields, parts
