"""The scripts that compare with the real JAX: what they start ends with them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

DATA = Path(__file__).resolve().parent / "data"
BUSY = "import calls, time; calls.end_with_parent(); print('began', flush=True); time.sleep(60)"
PARENT = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {BUSY!r}], stdout=-1, text=True)
print(child.pid, child.stdout.readline(), flush=True)
child.wait()
"""


def is_running(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_killed_comparison_leaves_no_process_in_the_middle_of_a_call():
    environment = {**os.environ, "PYTHONPATH": str(DATA)}
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=-1, text=True, env=environment) as parent:
        child, began = parent.stdout.readline().split()
        assert began == "began"
        parent.send_signal(signal.SIGKILL)
    until = time.monotonic() + 20
    while is_running(child) and time.monotonic() < until:
        time.sleep(0.1)
    assert not is_running(child)
