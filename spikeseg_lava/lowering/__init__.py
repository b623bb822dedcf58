"""A fixed-point model rewritten with stock Lava processes only: exactly where possible, and what that costs."""

from spikeseg_lava.lowering.cost import LayerCost, StockReport, compare_methods, measure
from spikeseg_lava.lowering.lowering import lower
from spikeseg_lava.lowering.simulate import run_stock
from spikeseg_lava.lowering.stock_network import LayerPlan, StockNetwork

__all__ = ["LayerCost", "LayerPlan", "StockNetwork", "StockReport", "compare_methods", "lower", "measure", "run_stock"]
