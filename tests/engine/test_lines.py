"""Tracebacks are recorded while one thread traces; where there are several threads, at all times."""

import subprocess
import sys
import textwrap


def told(program) -> str:
    """What a program says, in a process of its own: this one has had threads already."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_a_single_thread_records_while_it_traces():
    said = told(
        """
        import threading, bevel
        from bevel.core.source import get_traceback
        seen = [get_traceback() is None]
        bevel.make_jaxpr(lambda x: seen.append(get_traceback() is None) or x)(1.0)
        seen.append(get_traceback() is None)
        thread = threading.Thread(target=lambda: seen.append(get_traceback() is None))
        thread.start()
        thread.join()
        bevel.make_jaxpr(lambda x: x)(1.0)
        print(*seen, get_traceback() is None, threading.Thread.start.__qualname__)
        """
    )
    assert said == "True False True False False Thread.start"


def test_a_process_with_threads_records_from_the_beginning():
    said = told(
        """
        import threading
        done = threading.Event()
        threading.Thread(target=done.wait).start()
        from bevel.core.source import get_traceback
        print(get_traceback() is None)
        done.set()
        """
    )
    assert said == "False"


def test_threads_that_trace_and_threads_that_compute_leave_each_other_alone():
    """The engine fails a call during which its switch goes on, as it did about once in 300 times here."""
    said = told(
        """
        import sys, threading, bevel, bevel.numpy as jnp
        sys.setswitchinterval(1e-5)
        failed = []

        def work(i):
            try:
                assert float(bevel.grad(bevel.jit(lambda x: jnp.sin(x) * i))(0.0)) == i
            except Exception as error:
                failed.append(error)

        for _ in range(60):
            threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
            for t in threads: t.start()
            for t in threads: t.join()
        print(failed)
        """
    )
    assert said == "[]"
