"""A fixed-point model rewritten with stock Lava processes only: exactly where possible, and what that costs."""

from spikeseg_lava.stock.cost import LayerCost, StockReport, compare_methods, measure
from spikeseg_lava.stock.lower import lower
from spikeseg_lava.stock.network import LayerPlan, StockNetwork
from spikeseg_lava.stock.simulate import run_stock

__all__ = ["LayerCost", "LayerPlan", "StockNetwork", "StockReport", "compare_methods", "lower", "measure", "run_stock"]
