"""Transfer guards: what is refused, what passes, and that a block and the process are told apart."""

import threading

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp


@pytest.fixture
def prepared():
    """A jitted function that has been compiled: for arrays, and for NumPy arrays."""
    double = bevel.jit(lambda x: x + x)
    x = double(jnp.ones(3, "float32"))
    double(np.ones(3, "float32"))
    return double, x


def refused(what):
    with pytest.raises(RuntimeError, match="Disallowed host-to-device transfer"):
        what()


def test_implicit_transfers_are_refused_and_explicit_ones_pass(prepared):
    double, x = prepared
    host = np.ones(3, "float32")
    with bevel.transfer_guard("disallow"):
        refused(lambda: double(host))
        refused(lambda: x + 1)
        refused(lambda: jnp.asarray(host))
        assert double(bevel.device_put(host)).shape == (3,)
        assert bevel.device_get(double(x)).tolist() == [4, 4, 4]
        with bevel.transfer_guard_host_to_device("allow"):
            double(host)
        refused(lambda: double(host))
    with bevel.transfer_guard("disallow_explicit"):
        refused(lambda: bevel.device_put(host))
    double(host)


def test_a_block_is_of_its_thread_and_the_process_of_all(prepared):
    double, _ = prepared
    found = []
    host = np.ones(3, "float32")

    def elsewhere():
        try:
            found.append(double(host).shape)
        except RuntimeError:
            found.append("refused")

    def in_a_thread():
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        return found.pop()

    with bevel.transfer_guard("disallow"):
        assert in_a_thread() == (3,)
    bevel.config.update("jax_transfer_guard", "disallow")
    try:
        assert in_a_thread() == "refused"
    finally:
        bevel.config.update("jax_transfer_guard", None)
    assert in_a_thread() == (3,)


def test_levels():
    with pytest.raises(ValueError, match="transfer_guard"):
        bevel.config.update("jax_transfer_guard", "perhaps")
