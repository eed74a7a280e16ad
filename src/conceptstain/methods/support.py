"""What a network can be asked for: every map, rule and control, each with the reason where it cannot."""

from __future__ import annotations

from conceptstain.methods.maps import MAPS
from conceptstain.nets.encoder import Encoder
from conceptstain.nets.tap import encoder_layers
from conceptstain.nets.untrained import kept_by_twins

__all__ = ["keeps_what_it_learned", "supported_methods"]

NAMED = 3  # weights that a reason names, of those that there are


def supported_methods(encoder: Encoder) -> dict[str, str | None]:
    """Which methods a network can be asked for; found by passing one empty input through it, without any data.

    Parameters
    ----------
    encoder
        Any encoder, such as one of a network of your own (:func:`conceptstain.own_encoder`).

    Returns
    -------
    dict
        Keys of the maps, as in ``conceptstain stain --map``; ``"rectified, proportional"`` and ``"rectified, padding"``
        for those settings of that rule; ``"concepts in layers"`` and ``"untrained twin"``. Each with None, or with the
        reason why not.
    """
    from conceptstain.methods.saliency import supported_rules

    reasons = {kind.key: kind.refusal(encoder) for kind in MAPS}
    reasons |= {name: reason for name, reason in supported_rules(encoder).items() if name not in reasons}
    reasons["concepts in layers"] = None if encoder_layers(encoder) else "no layer is used once for every input"
    reasons["untrained twin"] = keeps_what_it_learned(encoder)
    return reasons


def keeps_what_it_learned(encoder: Encoder) -> str | None:
    """Why a network cannot forget everything it learned, or None where it can."""
    kept = kept_by_twins(encoder)
    if not kept:
        return None
    more = f" and {len(kept) - NAMED} more" if len(kept) > NAMED else ""
    return f"{', '.join(kept[:NAMED])}{more} cannot begin anew: no module with reset_parameters holds them"
