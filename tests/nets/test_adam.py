import subprocess
import sys

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from conceptstain.nets.adam import Adam


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), rates=st.lists(st.floats(0, 0.1), min_size=1, max_size=6))
def test_it_walks_where_torch_s_adam_walks(seed, rates):
    generator = torch.Generator().manual_seed(seed)
    begin = [torch.randn(size, generator=generator, dtype=torch.float64) for size in ((2, 3), (4,))]
    ours, theirs = ([nn.Parameter(each.clone()) for each in begin] for _ in range(2))
    adam, reference = Adam(ours), torch.optim.Adam(theirs)
    for rate in rates:
        for mine, other, each in zip(ours, theirs, begin, strict=True):
            mine.grad = torch.randn(each.shape, generator=generator, dtype=torch.float64)
            other.grad = mine.grad.clone()
        adam.step(rate)
        reference.param_groups[0]["lr"] = rate
        reference.step()
        for mine, other in zip(ours, theirs, strict=True):
            torch.testing.assert_close(mine, other, rtol=1e-12, atol=1e-14)
            assert mine.grad is None


def test_a_parameter_without_a_gradient_stays():
    parameter = nn.Parameter(torch.ones(2))
    Adam([parameter]).step(0.1)
    assert parameter.tolist() == [1, 1]


def test_training_does_not_load_torch_s_compiler():
    program = """
import sys
import numpy as np
from conceptstain.nets.picture_vae import PictureVAE
from conceptstain.nets.training import TrainingSettings, train

class Pictures:
    shape, scaling, mask, trainable = (1, 8, 8), "z-score", np.ones((8, 8), bool), np.arange(8)
    def inputs(self, items):
        return np.zeros((len(items), 1, 8, 8), np.float32)

train(PictureVAE((1, 8, 8)), [Pictures()], TrainingSettings(epochs=1, device="cpu"))
sys.exit("torch._dynamo" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
