"""What jobs run of counterfactuals: paths to a class or along a concept, drawn frame by frame; no Qt, no viewer."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, final

import numpy as np

from conceptstain._qt.what_if_work import Begun, Imagined, compared, need_encoder
from conceptstain.canvas.expression import counted, several
from conceptstain.errors import InputError
from conceptstain.progress import Report, Step

if TYPE_CHECKING:
    from jaxtyping import Float

    from conceptstain.concepts.concept import Concept
    from conceptstain.methods.concept_walk import ConceptWalk
    from conceptstain.methods.counterfactual import Counterfactual
    from conceptstain.methods.finding import Finding
    from conceptstain.methods.link import Link
    from conceptstain.nets.classifier import Classifier

__all__ = [
    "ConceptQuestion",
    "Found",
    "Question",
    "found",
    "kept_map",
    "why_not_kept",
    "write_figure",
    "write_table",
]

MOST_DRAWN = 8  # paths of a figure


class Question(NamedTuple):
    """What would have to change for an item to be of a class.

    Attributes
    ----------
    target
        What it is to become: the name of a class.
    classifier, second
        Whose class that is, and who confirms it.
    method
        How the path is found.
    link
        What it goes through; None: it begins where the item is encoded.
    """

    target: str
    classifier: Classifier
    second: Classifier | None = None
    method: str = ""
    link: Link | None = None


class ConceptQuestion(NamedTuple):
    """What would have to change for an item to have as much of a concept as those that it was made from.

    Attributes
    ----------
    concept
        In the latent space that the item moves in.
    spread
        A standard deviation of its scores over all items.
    """

    concept: Concept
    spread: float


@final
@dataclass(frozen=True, eq=False)
class Found:
    """A path, drawn.

    Attributes
    ----------
    of, asked
        From where, and what was asked.
    result
        What was found.
    frames
        What is decoded along the path, and how it differs from its start; the mean over the items.
    told
        Of every frame.
    sentence
        Of all of it.
    nearest
        The item that is nearest and is taken for the target already; None: there is none.
    """

    of: Begun
    asked: Question | ConceptQuestion
    result: Counterfactual | ConceptWalk
    frames: tuple[Imagined, ...]
    told: tuple[str, ...]
    sentence: str
    nearest: int | None


def found(of: Begun, asked: Question | ConceptQuestion, *, report: Report) -> Found:
    """Find a path, and draw it."""
    if isinstance(asked, ConceptQuestion):
        walk = _walked(of, asked, report)
        told, sentence = _scores_told(asked, walk), _walk_told(of, asked, walk)
        return Found(of, asked, walk, _drawn(of, walk, report), told, sentence, None)
    result = _searched(of, asked, report)
    nearest = int(result.nearest[0]) if len(result.items) == 1 and result.nearest[0] >= 0 else None
    told, sentence = _told(asked, result), _sentence(of, asked, result)
    return Found(of, asked, result, _drawn(of, result, report), told, sentence, nearest)


def _drawn(of: Begun, result: Counterfactual | ConceptWalk, report: Report) -> tuple[Imagined, ...]:
    """What is decoded along the path, frame by frame."""
    samples = np.stack([result.strip(int(item)) for item in result.items]).mean(axis=0, dtype=np.float64)
    start, frames = replace(of, decoded=samples[0]), []
    for done, sample in enumerate(samples):
        report(Step(done, len(samples), "Drawing the path"))
        frames.append(compared(start, sample))
    return tuple(frames)


def _walked(of: Begun, asked: ConceptQuestion, report: Report) -> ConceptWalk:
    from conceptstain.methods.concept_walk import concept_walk

    return concept_walk(need_encoder(of.network), of.network.need_canvas, of.items, asked.concept, report=report)


def _searched(of: Begun, asked: Question, report: Report) -> Counterfactual:
    from conceptstain.methods.counterfactual_search import counterfactual

    encoder, canvas = need_encoder(of.network), of.network.need_canvas
    chosen: dict[str, Any] = {"method": asked.method} if asked.method else {}
    return counterfactual(
        asked.classifier,
        encoder,
        canvas,
        of.items,
        asked.target,
        second=asked.second,
        link=asked.link,
        **chosen,
        report=report,
    )


# -- words ---------------------------------------------------------------------------------------------------------


def _told(asked: Question, result: Counterfactual) -> tuple[str, ...]:
    """Where on the path each frame lies."""
    means = result.probabilities.mean(axis=0)
    return tuple(
        f"Step {frame} of {len(means) - 1} · p({asked.target}) {_number(mean)}" for frame, mean in enumerate(means)
    )


def _sentence(of: Begun, asked: Question, result: Counterfactual) -> str:
    """Whether it arrived, how large the change is beside the trivial one, and how plausible its end."""
    canvas = of.network.need_canvas
    parts = [part for part in (_arrival(canvas.noun, asked, result), result.obstacle) if part]
    n_items = len(result.items)
    size = _size(of, result)
    known = np.isfinite(result.nearest_changes)
    if known.any():
        name = f", {canvas.item_names[int(result.nearest[0])]}," if n_items == 1 else ""
        size += f"; the nearest {canvas.noun} that is taken for {asked.target} already{name} differs by "
        size += _small(result.nearest_changes[known])
    return " ".join([*parts, f"{size}.", *_plausibility(of, result)])


def _size(of: Begun, result: Counterfactual | ConceptWalk) -> str:
    unit = {"unit": " (of 0 to 1)", "z-score": " sd"}.get(of.network.need_canvas.scaling, "")
    return f"{'Its' if len(result.items) == 1 else 'Their'} values change by {_small(result.changes)}{unit} on average"


def _plausibility(of: Begun, result: Counterfactual | ConceptWalk) -> list[str]:
    plausible, noun = float(np.mean(result.plausibility)), several(of.network.need_canvas.noun)
    if not np.isfinite(plausible):
        return []
    return [f"Of the known {noun}, {plausible:.0%} lie farther from the others than the end does."]


def _scores_told(asked: ConceptQuestion, walk: ConceptWalk) -> tuple[str, ...]:
    """How much of the concept each frame has more than the first."""
    means = (walk.scores - walk.scores[:, :1]).mean(axis=0) / (asked.spread or 1.0)
    return tuple(f"Step {frame} of {len(means) - 1} · score {mean:+.2f} sd" for frame, mean in enumerate(means))


def _walk_told(of: Begun, asked: ConceptQuestion, walk: ConceptWalk) -> str:
    """Whether the walk came to the score of the concept's own items, how far that is, and how plausible its end."""
    noun, spread = of.network.need_canvas.noun, asked.spread or 1.0
    n_items, n_came = len(walk.items), int(walk.success.sum())
    goal = f"the mean score of the {several(noun)} of {asked.concept.name}"
    if not walk.asked.any():
        one = "It, as decoded, has" if n_items == 1 else "All, as decoded, have"
        return f"{one} {goal} already: nothing has to change."
    rises, needs = (float(np.mean(to - walk.scores[:, 0])) / spread for to in (walk.scores[:, -1], walk.wanted))
    if n_items > 1:
        came = f"{n_came} of {counted(n_items, noun)} reach {goal}; scores rise by {rises:.2f} sd."
    elif n_came:
        came = f"Reaches {goal}, {rises:.2f} sd higher."
    else:
        came = f"Does not reach {goal}: of {needs:.2f} sd what is decoded rises by {rises:.2f} at most."
    return " ".join([came, f"{_size(of, walk)}.", *_plausibility(of, walk)])


def _arrival(noun: str, asked: Question, result: Counterfactual) -> str:
    n_items, n_success = len(result.items), int(result.success.sum())
    agrees = 0 if result.confirmed is None else int(result.confirmed.sum())
    if n_items > 1:
        arrived = f"{n_success} of {counted(n_items, noun)} reach {asked.target}"
    elif result.origins[0] == result.targets[0]:
        return f"It is taken for {asked.target} already: nothing has to change."
    else:
        reaches = "Reaches" if n_success else "Does not reach"
        arrived = f"Taken for {result.classes[result.origins[0]]}. {reaches} {asked.target}"
        arrived += f" with p {_number(result.probabilities[0, -1])} after {counted(int(result.steps[0]), 'step')}"
    if result.confirmed is None or not n_success:
        return f"{arrived}."
    of_all = f" for {agrees}" if n_items > 1 else ""
    return f"{arrived}; the second classifier {f'agrees{of_all}' if agrees else 'does not agree'}."


def _number(value: Any) -> str:
    return f"{float(value):.2f}".removeprefix("0")


def _small(values: Float[np.ndarray, " items"]) -> str:
    return f"{float(np.mean(values)):.2g}"


# -- results -------------------------------------------------------------------------------------------------------


def why_not_kept(of: Found) -> str:
    """Why what was found cannot be kept as a map; empty where it can."""
    if isinstance(of.asked, ConceptQuestion) and of.of.network.need_canvas.noun == "spot":
        return "Concepts of the study are of its pictures of genes, and so are their maps; write the table"
    return ""


def kept_map(of: Found, gene: str, *, report: Report) -> Finding:
    """The difference, as a map that a study keeps; of spots, that of a gene."""
    from conceptstain.canvas.spot_profiles import SpotProfiles
    from conceptstain.methods.concept_walk import ConceptWalk
    from conceptstain.methods.counterfactual_maps import concept_walk_map, counterfactual_map, gene_changes

    report(Step(0, 1, "Keeping"))
    canvas = of.of.network.need_canvas
    if isinstance(of.result, ConceptWalk):
        return concept_walk_map(of.result, canvas)
    if isinstance(canvas, SpotProfiles):
        return gene_changes(of.result, canvas, gene)
    return counterfactual_map(of.result, canvas)


def write_table(of: Found, path: Path, *, report: Report) -> Path:
    """Write what was found: a row for every item; of spots, for every gene that changes."""
    from conceptstain.exporting import write_table as write

    report(Step(0, 1, "Writing"))
    table = of.result.table
    if of.of.network.need_canvas.noun == "spot":
        from conceptstain.methods.counterfactual_genes import changed_genes

        with suppress(InputError):  # no spot arrived from elsewhere: what became of each is all there is to say
            table = changed_genes(of.result)
    return write(table, path, overwrite=True)  # the file dialog has asked


def write_figure(of: Found, path: Path, *, report: Report) -> Path:
    """Draw what was found: the path of every item; of spots, the genes that change most."""
    from conceptstain.figures import save_figure

    report(Step(0, 1, "Drawing"))
    if of.of.network.need_canvas.noun == "spot":
        from conceptstain.gene_change_figures import gene_change_figure
        from conceptstain.methods.counterfactual_genes import changed_genes

        try:
            genes = changed_genes(of.result)
        except InputError as error:
            raise InputError(
                "No spot arrives from elsewhere, so that no genes change on the way",
                got=counted(len(of.result.items), "spot"),
                cure="Choose other spots or another target; Table… says what became of each",
            ) from error
        drawn = gene_change_figure(genes, title=of.result.title)
    else:
        from conceptstain.counterfactual_figures import counterfactual_figure

        drawn = counterfactual_figure(of.result, of.result.items[:MOST_DRAWN])
    return save_figure(drawn, path, overwrite=True)  # the file dialog has asked
