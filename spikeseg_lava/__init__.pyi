# The public names of the package and the modules they come from. The package reads this table when it is imported.

__version__: str

from .chip.rules.check import check_rules as check_rules
from .chip.sanafe import sanafe_record as sanafe_record
from .chip.sanafe import write_sanafe as write_sanafe
from .decoding.decoder import Decoded as Decoded
from .decoding.decoder import decode as decode
from .decoding.smash import group as group
from .detection.detect import detect_objects as detect_objects
from .errors import SpikeSegLavaError as SpikeSegLavaError
from .events.clip import load_clip as load_clip
from .events.clip import save_clip as save_clip
from .events.denoise import denoise as denoise
from .events.read import open_events as open_events
from .events.read import read_recording as read_recording
from .events.recording import Recording as Recording
from .events.stream import EventStream as EventStream
from .exchange.checkpoint.load import load_checkpoint as load_checkpoint
from .exchange.netx.read import from_netx as from_netx
from .exchange.netx.write import write_netx as write_netx
from .exchange.nir.read import from_nir as from_nir
from .exchange.nir.write import to_nir as to_nir
from .exchange.nir.write import write_nir as write_nir
from .execution.backends import run as run
from .execution.many import run_many as run_many
from .execution.stream import run_stream as run_stream
from .execution.verification import verify as verify
from .network.description import describe as describe
from .network.floats import SpikingNetwork as SpikingNetwork
from .network.model import FixedPointModel as FixedPointModel
from .network.model import load_model as load_model
from .network.model import save_model as save_model
from .network.simplification import simplify as simplify
from .quantization.explain import explain as explain
from .quantization.quantize import quantize as quantize
from .spikes.comparison import Comparison as Comparison
from .spikes.comparison import compare as compare
from .spikes.record import SpikeRecord as SpikeRecord
from .spikes.spike_file import SpikeFile as SpikeFile
from .stock.lower import lower as lower
from .stock.on_chip import build_report as build_report
from .stock.simulate import run_stock as run_stock
