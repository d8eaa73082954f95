"""What programs are written in is one for all threads."""

import threading
import time
from types import SimpleNamespace

import pytest

from bevel.engine import builder


@pytest.mark.smoke
def test_threads_that_come_at_once_share_one_context():
    made = []

    def new_context():
        time.sleep(0.05)  # as long as the others would come in
        made.append(object())
        return made[-1]

    mlir = builder._Mlir()
    mlir.bindings = SimpleNamespace(new_context=new_context)
    seen = []
    several = [threading.Thread(target=lambda: seen.append(mlir.context)) for _ in range(4)]
    for thread in several:
        thread.start()
    for thread in several:
        thread.join()
    assert len(made) == 1 and seen == made * 4
