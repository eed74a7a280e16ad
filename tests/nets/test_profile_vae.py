from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from conceptstain.errors import InputError, MismatchError
from conceptstain.inputs import Profiles
from conceptstain.nets.encoder import VAE, Encoder
from conceptstain.nets.profile_vae import LIKELIHOODS, ProfileVAE, ProfileVAESettings
from conceptstain.nets.training import train
from conceptstain.nets.training_settings import TrainingSettings

QUICK = TrainingSettings(epochs=20, batch_size=16, learning_rate=0.01, beta=0.1, device="cpu")


@dataclass
class Counts:
    """Negative binomial counts of two kinds of items, and their z-scores."""

    n: int = 60
    n_genes: int = 8
    seed: int = 0
    lacking: tuple[int, ...] = ()
    scaling: str = "z-score"
    features: tuple[str, ...] = field(init=False)

    def __post_init__(self):
        rng = np.random.default_rng(self.seed)
        self.features = tuple(f"g{i}" for i in range(self.n_genes))
        self.kind = np.arange(self.n) % 2
        self.depth = rng.lognormal(0, 0.5, self.n).astype(np.float32)
        rate = np.full((self.n, self.n_genes), 20.0)
        rate[self.kind == 1, : self.n_genes // 2] *= 4
        self.table = rng.negative_binomial(5, 5 / (5 + rate * self.depth[:, None])).astype(np.float32)
        self.table[:, list(self.lacking)] = 0
        self.mask = ~np.isin(np.arange(self.n_genes), self.lacking)
        logs = np.log1p(self.table / self.depth[:, None])
        self.z = ((logs - logs.mean(0)) / np.where(logs.std(0) > 0, logs.std(0), 1)).astype(np.float32)
        self.trainable = np.arange(self.n)
        self.shape = (self.n_genes,)

    def __len__(self):
        return self.n

    def inputs(self, items):
        return self.z[items]

    def counts(self, items):
        return self.table[items]

    def depths(self, items):
        return self.depth[items]


def tiny(likelihood="negative binomial", n_genes=8, seed=0):
    return ProfileVAE((n_genes,), ProfileVAESettings(likelihood, 3, (7, 5)), seed=seed)


@settings(max_examples=15, deadline=None)
@given(likelihood=st.sampled_from(LIKELIHOODS), n_genes=st.integers(1, 9), hidden=st.sampled_from([(), (4,), (5, 3)]))
def test_profiles_of_every_length_come_back_in_their_shape(likelihood, n_genes, hidden):
    vae = ProfileVAE((n_genes,), ProfileVAESettings(likelihood, 2, hidden))
    encoding = vae.encode(torch.randn(3, n_genes))
    assert encoding.mean.shape == encoding.log_var.shape == (3, 2)
    assert vae.decode(encoding.mean).shape == (3, n_genes)
    assert isinstance(vae, VAE)


def test_every_activation_is_a_relu_of_its_own_used_once():
    vae = tiny()
    relus = [module for module in vae.modules() if isinstance(module, nn.ReLU)]
    uses = dict.fromkeys(relus, 0)
    for relu in relus:
        assert not relu.inplace
        relu.register_forward_hook(lambda module, *_: uses.__setitem__(module, uses[module] + 1))
    vae.decode(vae.encode(torch.randn(1, 8)).mean)
    assert set(uses.values()) == {1}


def test_the_same_seed_gives_the_same_first_weights_and_leaves_the_global_state_alone():
    before = torch.random.get_rng_state()
    first, again, other = (tiny(seed=seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["mean.weight"], other["mean.weight"])


def test_the_first_rates_and_scales_are_those_of_the_data():
    sections = [Counts(), Counts(n=30, seed=1, lacking=(2,))]
    vae = tiny()
    vae.begin_at(sections)
    for gene in range(8):
        rates = [
            each.table[i, gene] / each.depth[i] for each in sections if gene not in each.lacking for i in range(each.n)
        ]
        assert vae.log_mean_rate[gene].item() == pytest.approx(np.log(np.mean(rates)), rel=1e-4)
        assert vae.centre[gene].item() == pytest.approx(np.mean(np.log1p(rates)), rel=1e-4)
        assert vae.spread[gene].item() == pytest.approx(np.std(np.log1p(rates)), rel=1e-3)


def test_what_is_decoded_is_the_z_score_of_the_rate():
    vae = tiny()
    vae.begin_at([Counts()])
    z = torch.randn(4, 3)
    rates = vae.log_rates(z).exp()
    expected = (torch.log(1 + rates) - vae.centre) / vae.spread
    torch.testing.assert_close(vae.decode(z), expected)


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_training_learns_and_tells_the_kinds_apart(likelihood):
    data, vae = Counts(n=120), tiny(likelihood)
    vae.begin_at([data])
    history = train(vae, [data], QUICK)
    assert history.loss[-1] < history.loss[0]
    latents = Encoder("e", vae, (8,), "z-score", 3).latents(data)
    means = [latents[data.kind == kind].mean(0) for kind in (0, 1)]
    scores = latents @ (means[1] - means[0])
    assert (scores[data.kind == 1] > np.median(scores)).mean() > 0.9
    decoded = vae.decode(torch.tensor(np.stack(means)))
    assert (decoded[1] - decoded[0])[:4].min() > (decoded[1] - decoded[0])[4:].max()


def test_genes_that_a_section_lacks_do_not_count_there():
    data = Counts(lacking=(1, 6))
    vae = tiny()
    vae.begin_at([data])
    before = vae.log_dispersion.detach().clone()
    train(vae, [data], QUICK)
    learned = (vae.log_dispersion != before).tolist()
    assert learned == data.mask.tolist()


def test_counts_in_twice_the_depth_are_as_likely_rates():
    """Depth is a size factor: twice the counts of twice the depth begin at the same rates."""
    once, twice = Counts(), Counts()
    twice.table, twice.depth = 2 * once.table, 2 * once.depth
    first, second = tiny(), tiny()
    first.begin_at([once])
    second.begin_at([twice])
    assert torch.equal(first.log_mean_rate, second.log_mean_rate)


def test_counts_are_needed_where_counts_are_learned():
    @dataclass
    class Uncounted:
        data: Counts

        def __getattr__(self, name):
            if name in ("counts", "depths", "features"):
                raise AttributeError(name)
            return getattr(self.data, name)

        def __len__(self):
            return len(self.data)

    assert isinstance(Counts(), Profiles)
    train(tiny("gaussian"), [Uncounted(Counts())], QUICK)
    with pytest.raises(InputError, match="without counts"):
        train(tiny(), [Uncounted(Counts())], QUICK)


def test_profiles_cannot_be_shifted():
    from dataclasses import replace

    with pytest.raises(InputError, match="Only pictures can be shifted"):
        train(tiny(), [Counts()], replace(QUICK, jitter=1))


@pytest.mark.parametrize(
    ("shape", "wanted", "told"),
    [
        ((1, 8, 8), ProfileVAESettings(), "one dimension"),
        ((8,), ProfileVAESettings("poisson"), "'poisson'"),
        ((8,), ProfileVAESettings(latent=0), "latent 0"),
        ((8,), ProfileVAESettings(hidden=(0,)), r"hidden \(0,\)"),
    ],
)
def test_what_cannot_be_built_is_told(shape, wanted, told):
    with pytest.raises(InputError, match=told):
        ProfileVAE(shape, wanted)


def test_an_encoder_refuses_other_genes_or_the_same_in_another_order():
    data = Counts()
    encoder = Encoder("mine", tiny(), (8,), "z-score", 3, features=data.features)
    encoder.check(data)
    data.features = tuple(reversed(data.features))
    with pytest.raises(MismatchError, match=r"in another order. Got 8 of its 8 genes. View the section"):
        encoder.check(data)
    assert encoder.fingerprint != Encoder("mine", tiny(), (8,), "z-score", 3, features=data.features).fingerprint
