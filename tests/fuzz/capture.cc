// The readers of capture files: pcap, pcapng and what libpcap reads, also compressed. The input is the file.
#include "base/error.h"
#include "capture/capture_source.h"
#include "memory_file.h"

namespace spanflow::fuzz {
namespace {

// A decompressed file may be a thousand times as long as the input.
constexpr std::uint64_t kMostPackets = 100'000;

void read_to_end(PacketSource& source, Counters& counters) {
  std::uint64_t packets = 0;
  std::uint64_t now_ns = 0;
  std::uint32_t sum = 0;
  for (Burst burst = source.poll(); burst.state != Burst::State::kEnd && packets < kMostPackets;
       burst = source.poll()) {
    require(burst.now_ns >= now_ns, "the clock does not go back");
    require(burst.packets.size() <= kBurstPackets, "a burst is not too long");
    now_ns = burst.now_ns;
    packets += burst.packets.size();
    for (const RawPacket& packet : burst.packets) {
      require(packet.captured <= 262'144, "a packet is not too long");
      for (std::uint32_t i = 0; i < packet.captured; ++i) sum += packet.data[i];
    }
  }
  require(sum != 1 || packets > 0, "the octets of packets are read");
  const double progress = source.progress();
  require(progress <= 1, "the progress is at most 1");
  require(counters.get(Counter::kPacketsMetered) == 0, "a source does not meter");
}

}  // namespace
}  // namespace spanflow::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace spanflow;
  const fuzz::MemoryFile file({data, size});
  const std::atomic<bool> stop{false};
  Notes notes;
  Counters counters;
  try {
    fuzz::read_to_end(*make_capture_source({file.path()}, stop, notes, counters), counters);
  } catch (const RunError&) {  // NOLINT(bugprone-empty-catch): the file is not a capture, or is damaged
  }
  return 0;
}
