"""Data to learn from that works offline."""

from rl_lab.data.demonstrations import Demonstrations as Demonstrations
from rl_lab.data.demonstrations import Episode as Episode
from rl_lab.data.playing import collect as collect
