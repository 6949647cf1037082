"""A small scripted module opens in the host and behaves as in Slicer."""

from pathlib import Path

MODULE = Path(__file__).with_name("small_module") / "SmallModule.py"


def test_a_click_runs_the_logic_on_the_chosen_volume(host):
    import numpy as np
    import slicer

    widget = host.open_module(MODULE)
    assert not widget.ui.applyButton.enabled
    node = slicer.util.addVolumeFromArray(np.zeros((2, 3, 4)), name="scan")
    assert widget.ui.inputSelector.nodeCount() == 1
    assert widget.ui.inputSelector.currentNode() is None
    widget.ui.inputSelector.setCurrentNode(node)
    assert widget.lastNode is node
    host.click(widget.ui.applyButton)
    assert widget.ui.resultLabel.text == "scan: (2, 3, 4)"
    assert host.window.statusBar().currentMessage() == "Done"
