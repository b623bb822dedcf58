from .read import read_recording as read_recording
from .recording import Labels as Labels
from .recording import Recording as Recording
from .repair import RecordingWarning as RecordingWarning
