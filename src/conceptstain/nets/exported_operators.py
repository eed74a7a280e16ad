"""The operators that an exported network may use: arithmetic on tensors, and nothing that reaches beyond them.

torch looks a name up in its own modules when it reads a graph, and some of its operators read or write files. So the
names are listed here, and any other is refused.
"""

from __future__ import annotations

import re

__all__ = ["is_known_operator"]

LAYERS = """
    conv1d conv2d conv3d conv_transpose1d conv_transpose2d convolution linear addmm mm mv dot bmm matmul baddbmm einsum
    scaled_dot_product_attention embedding prelu batch_norm native_batch_norm _native_batch_norm_legit_no_training
    layer_norm native_layer_norm group_norm native_group_norm instance_norm rms_norm _weight_norm
    _weight_norm_interface local_response_norm dropout
    max_pool1d max_pool2d max_pool2d_with_indices avg_pool1d avg_pool2d adaptive_avg_pool1d adaptive_avg_pool2d
    _adaptive_avg_pool2d adaptive_max_pool2d upsample_nearest2d upsample_bilinear2d upsample_bicubic2d interpolate
    pixel_shuffle pixel_unshuffle pad constant_pad_nd reflection_pad2d replication_pad2d
"""
ACTIVATIONS = """
    relu relu6 leaky_relu elu selu celu gelu silu mish sigmoid log_sigmoid tanh softplus softsign softmax _softmax
    log_softmax _log_softmax glu hardtanh hardswish hardsigmoid hardshrink softshrink threshold clamp clamp_min
    clamp_max rrelu
"""
ARITHMETIC = """
    add sub rsub mul div true_divide floor_divide pow sqrt rsqrt reciprocal square exp expm1 log log1p log2 log10 neg
    abs sign sin cos erf maximum minimum where remainder lerp addcmul addcdiv eq ne lt le gt ge logical_not
    logical_and logical_or sum mean var std amax amin max min argmax argmin prod norm linalg_vector_norm
    logsumexp cumsum var_mean
"""
SHAPES = """
    view view_as reshape _unsafe_view flatten unflatten permute transpose t squeeze unsqueeze expand expand_as repeat
    cat stack split split_with_sizes chunk unbind slice select narrow index_select gather flip roll contiguous clone
    alias detach detach_ to _to_copy type_as lift_fresh_copy full full_like zeros zeros_like ones ones_like arange
    scalar_tensor new_zeros new_ones new_full sym_size _assert_tensor_metadata
"""
NAMES = frozenset((LAYERS + ACTIVATIONS + ARITHMETIC + SHAPES).split())
ON_SIZES = frozenset(f"_operator.{name}" for name in ("getitem", "add", "sub", "mul", "floordiv", "mod", "neg"))

ATEN = re.compile(r"torch\.ops\.aten\.([a-z]\w*|_[a-z]\w*)\.([A-Za-z_]\w*)", re.ASCII)


def is_known_operator(target: object) -> bool:
    """Whether a node's target is arithmetic on tensors, in place or not, or on sizes."""
    if not isinstance(target, str):
        return False
    found = ATEN.fullmatch(target)
    if found is None:
        return target in ON_SIZES
    # "out" variants write into a tensor that is handed over; no exported graph has them.
    return found[1].removesuffix("_") in NAMES and "out" not in found[2]
