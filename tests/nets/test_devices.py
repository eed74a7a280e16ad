import pytest

from conceptstain.errors import InputError
from conceptstain.nets.devices import available_devices, best_device


def test_the_best_device_is_one_this_machine_has():
    assert best_device().type == best_device("auto").type == available_devices()[0]


def test_the_cpu_is_always_there():
    assert best_device("cpu").type == "cpu"


@pytest.mark.parametrize("name", ["tpu", "cuda:9999", "cpu:x", ""])
def test_a_device_that_is_not_there_is_refused_with_those_that_are(name):
    with pytest.raises(InputError, match=r"auto, .*cpu"):
        best_device(name)
