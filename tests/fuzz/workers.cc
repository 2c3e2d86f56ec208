// One worker against three: the records are the same, whoever meters a packet.
#include "packet_sequence.h"
#include "require.h"
#include "support/worker_split.h"

namespace spanflow::fuzz {
namespace {

using namespace std::chrono_literals;

// The table is large enough that no flow is evicted, because only then the records are independent of the workers. The
// names of other flows are off, because each of these workers has a cache of its own.
Config config_of() {
  Config config;
  config.flow.capacity = 4096;
  config.flow.active_timeout = 10s;
  config.flow.inactive_timeout = 4s;
  config.flow.tcp_linger = 1s;
  config.decode.fragments = 256;
  config.decode.fragment_timeout = 1s;
  config.features.names_memory = 4 << 20;
  config.features.dns_names = 0;
  config.features.statistics = config.features.tcp = true;
  return config;
}

bool goes_back(const std::vector<testing::TestPacket>& packets) {
  return !std::ranges::is_sorted(packets, {}, &testing::TestPacket::time_ns);
}

}  // namespace
}  // namespace spanflow::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace spanflow::fuzz;
  using spanflow::testing::sorted_lines;
  using spanflow::testing::SplitWorkers;
  static const spanflow::Config config = config_of();
  static SplitWorkers one(config, 1, true);
  static SplitWorkers three(config, 3, true);
  SequenceReader sequence({data, size});
  const auto packets = packets_of(sequence);
  const auto taken = spanflow::testing::taken_in(config, packets);
  // While time goes back, a sweep may end a flow before its late packet.
  const auto expected = sorted_lines(one.records_of(taken, false));
  require(sorted_lines(three.records_of(taken, !goes_back(packets))) == expected,
          "three workers write the records of one");
  return 0;
}
