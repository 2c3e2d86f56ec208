"""Flow records from capture files, network interfaces and DPDK devices."""
from spanflow._core import version as __version__
from spanflow.streamer import Streamer

__all__ = ["Streamer", "__version__"]
