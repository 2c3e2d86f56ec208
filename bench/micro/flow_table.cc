// The cost of FlowTable for different numbers of flows. Look-ups come in bursts with prefetches, as in the Meter. Times
// are per burst; items are packets.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <array>
#include <cstring>
#include <memory>

#include "capture/packet_source.h"
#include "flow/flow_table.h"

namespace spanflow::bench {
namespace {

FlowKey key_number(std::uint64_t number) {
  FlowKey key;
  key.ip_src.bytes[0] = 10;
  std::memcpy(&key.ip_src.bytes[1], &number, 3);
  key.ip_dst.bytes[0] = 172;
  std::memcpy(&key.ip_dst.bytes[1], reinterpret_cast<const char*>(&number) + 3, 3);
  key.src_port = 40'000;
  key.dst_port = 443;
  key.ip_protocol = 6;
  key.ip_version = 4;
  return key;
}

// A full table. It has the flows with the numbers `oldest` to `oldest` + `flows` - 1.
struct FullTable {
  explicit FullTable(std::uint32_t size) : table(size, 1), flows(size) {
    for (std::uint64_t number = 0; number < size; ++number) add(number);
  }
  void add(std::uint64_t number) {
    const FlowKey key = key_number(number);
    table.insert(key, table.hash(key), 0);
  }
  void replace_oldest() {
    table.erase(table.at(table.on_probation().front()));
    add(oldest + flows);
    ++oldest;
  }

  FlowTable table;
  std::uint64_t flows;
  std::uint64_t oldest = 0;
};

// Keeps the last table for the next benchmark, because filling a large table takes longer than the measurement.
FullTable& full_table(std::uint32_t flows) {
  static std::unique_ptr<FullTable> kept;
  if (kept == nullptr || kept->flows != flows) {
    kept.reset();
    kept = std::make_unique<FullTable>(flows);
  }
  return *kept;
}

// Looks up random flows with numbers from `first` to `first` + `count` - 1.
void look_up(benchmark::State& state, FlowTable& table, std::uint64_t first, std::uint64_t count) {
  std::array<FlowKey, kBurstPackets> keys;
  std::array<std::uint32_t, kBurstPackets> hashes{};
  std::uint64_t random = 1;
  for (auto _ : state) {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      random = random * 0x5851f42d4c957f2d + 0x14057b7ef767814f;
      keys[i] = key_number(first + (random >> 32) * count / (1ULL << 32));
      hashes[i] = table.hash(keys[i]);
      table.prefetch_slot(hashes[i]);
    }
    for (const std::uint32_t hash : hashes) table.prefetch_entry(hash);
    for (std::size_t i = 0; i < keys.size(); ++i) benchmark::DoNotOptimize(table.find(keys[i], hashes[i]));
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(keys.size()));
}

void hit(benchmark::State& state, std::uint32_t flows) {
  FullTable& full = full_table(flows);
  look_up(state, full.table, full.oldest, flows);
}

void miss(benchmark::State& state, std::uint32_t flows) {
  FullTable& full = full_table(flows);
  look_up(state, full.table, full.oldest + flows, flows);
}

void churn(benchmark::State& state, std::uint32_t flows) {
  FullTable& full = full_table(flows);
  for (auto _ : state) {
    for (std::size_t i = 0; i < kBurstPackets; ++i) full.replace_oldest();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBurstPackets));
}

[[maybe_unused]] const bool registered = [] {
  for (const std::uint32_t flows : {1'000U, 100'000U, 1'000'000U, 10'000'000U}) {
    const std::string size = fmt::format("/{}", flows);
    benchmark::RegisterBenchmark(("flow_table/hit" + size).c_str(), hit, flows);
    benchmark::RegisterBenchmark(("flow_table/miss" + size).c_str(), miss, flows);
    benchmark::RegisterBenchmark(("flow_table/churn" + size).c_str(), churn, flows);
  }
  return true;
}();

}  // namespace
}  // namespace spanflow::bench
