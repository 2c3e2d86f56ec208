"""Flow records from capture files, network interfaces and DPDK devices.

from spanflow import Streamer

for flow in Streamer(source="capture.pcap"):
    print(flow)
"""

from spanflow._core import Flow, Metrics, Packet
from spanflow._core import version as __version__
from spanflow.streamer import Streamer

__all__ = ["Flow", "Metrics", "Packet", "Streamer", "__version__"]
