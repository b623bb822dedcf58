"""A neuron model in a folder of the owner's own, on the path of Python: Lava's search finds it beside our Processes."""

# Before Lava, whose import it repairs on Python 3.11 and newer.
import spikeseg_lava.lava  # noqa: F401  # pyright: ignore[reportUnusedImport]

# isort: split
import sys
from typing import Any

import numpy as np
from lava.magma.compiler.compiler_graphs import ProcGroupDiGraphs
from lava.magma.core import run_configs
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2HwCfg, Loihi2SimCfg
from lava.proc.io import sink, source

from spikeseg_lava.lava.processes import MultiplicativeLIF, SubtractiveLIF

kind = sys.argv[1]
drive = np.random.default_rng(3).integers(-60, 90, (5, 4, 3, 20))
buffers = {source.RingBuffer: source.PySendModelFixed, sink.RingBuffer: sink.PyReceiveModelFixed}
if kind == "neuron core":  # the extension's class, which public Lava knows by name, and one that it does not
    run_configs.CLoihiProcessModel = type("CLoihiProcessModel", (), {})
    owned = SubtractiveLIF(shape=3, threshold=5)
    chosen = Loihi2HwCfg().select(owned, ProcGroupDiGraphs._find_proc_models(owned))
    assert (chosen.__module__, chosen.__name__) == ("spikeseg_lava.lava.processes.ncmodels", "NcSubtractiveLIF"), chosen
else:
    leaks: list[tuple[Any, dict[str, Any]]]
    leaks = [(SubtractiveLIF, {"leak": [7, 0, 20]}), (MultiplicativeLIF, {"decay": [600, 0, 4096]})]
    for neuron, loss in leaks:
        found = []
        for select_tag in ("fixed_pt", "ucoded"):
            sent, got = source.RingBuffer(data=drive), sink.RingBuffer(shape=(5, 4, 3), buffer=20)
            neurons = neuron(shape=(5, 4, 3), threshold=[80, 100, 120], bias=[0, 3, -2], **loss)
            sent.s_out.connect(neurons.a_in)
            neurons.s_out.connect(got.a_in)
            neurons.run(RunSteps(20), Loihi2SimCfg(select_tag=select_tag, exception_proc_model_map=buffers))
            found.append((neurons.model_class.__module__, got.data.get()))
            neurons.stop()
        (home, ours), (beside, owners) = found
        assert (home, beside) == (neuron.__module__, "spikeseg_lava.lava.processes.ncmodels")
        assert ours.sum() > 50
        np.testing.assert_array_equal(ours, owners)
print("done")
