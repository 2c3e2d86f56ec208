"""The interface of nfstream 6.6 on spanflow's engine.

from spanflow.nfstream import NFStreamer

for flow in NFStreamer(source="capture.pcap"):
    print(flow)
"""

from spanflow._core import NFlow
from spanflow._core import NFPacketTuple as NFPacket
from spanflow.nfstream.plugin import NFPlugin
from spanflow.nfstream.streamer import NFStreamer

__version__ = "6.6.0"  # the version of nfstream whose interface this is

__all__ = ["NFPacket", "NFPlugin", "NFStreamer", "NFlow", "__version__"]
