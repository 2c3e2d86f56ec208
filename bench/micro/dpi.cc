// The cost of the Classifier for a flow, from the first packet to the release of the flow. Times are per flow; items
// are packets.
#include <benchmark/benchmark.h>

#include "dpi/classifier.h"
#include "flow/flow_table.h"
#include "support/recorded_packets.h"

namespace spanflow::bench {
namespace {

// The packets point into `frames`.
std::vector<Packet> packets_of_first_flow(const std::vector<testing::TestPacket>& frames) {
  std::vector<Packet> packets;
  for (const testing::TestPacket& frame : frames) {
    testing::Decoded decoded = testing::decode(frame);
    if (decoded.outcome != Counter::kPacketsMetered) continue;
    const auto direction = match(packets.empty() ? decoded.packet.key : packets.front().key, decoded.packet.key);
    if (!direction) continue;
    decoded.packet.direction = *direction;
    packets.push_back(decoded.packet);
  }
  return packets;
}

void classify(benchmark::State& state, const std::vector<testing::TestPacket>& frames) {
  const std::vector<Packet> packets = packets_of_first_flow(frames);
  const Config config;
  Counters counters;
  MetadataStore store(config.features.names_memory, 1, counters);
  Classifier classifier(config.dpi, 1, {.store = &store, .left_out = {}}, counters);
  FlowTable table(1, 1);
  for (auto _ : state) {
    const FlowKey& key = packets.front().key;
    FlowEntry& entry = table.insert(key, table.hash(key), 0);
    for (const Packet& packet : packets) {
      classifier.inspect(entry.inspection, 0, table.details(entry).initial_sequence, packet);
    }
    classifier.conclude(entry.inspection, key, true);
    classifier.release(entry.inspection);
    store.release(0);
    table.erase(entry);
  }
  const std::uint64_t verdicts = counters.get(Counter::kDpiClassified) + counters.get(Counter::kDpiGivenUp);
  state.counters["verdicts"] = static_cast<double>(verdicts) / static_cast<double>(state.iterations());
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(packets.size()));
}

std::vector<testing::TestPacket> bare_syn() {
  return {testing::PacketBuilder().ethernet().ipv4("10.0.0.1", "172.16.0.1").tcp(40'000, 7000).syn().build()};
}

BENCHMARK_CAPTURE(classify, tls12, testing::recorded_packets("tls12_instagram.pcap"));
BENCHMARK_CAPTURE(classify, tls13, testing::recorded_packets("tls13_web.pcap"));
BENCHMARK_CAPTURE(classify, http, testing::recorded_packets("http.pcap"));
BENCHMARK_CAPTURE(classify, dns, testing::recorded_packets("dns.pcap"));
BENCHMARK_CAPTURE(classify, bare_syn, bare_syn());

}  // namespace
}  // namespace spanflow::bench
