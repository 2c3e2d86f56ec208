// What a record costs after its flow has ended: the export ring, and each sink's text. Items are records.
#include <benchmark/benchmark.h>

#include <thread>

#include "export/export_ring.h"
#include "sinks/sink.h"
#include "support/flow_harness.h"
#include "support/recorded_packets.h"

namespace spanflow::bench {
namespace {

void write_block(RecordWriter& writer, std::uint64_t number) {
  for (std::size_t i = 0; i < RecordBlock::kRecords; ++i) writer.next().record->flow_id = number + i;
  writer.flush();
}

std::uint64_t read_block(ExportRing& ring, RecordBlock& block) {
  std::uint64_t sum = 0;
  for (const FlowRecord& record : block.records) sum += record.flow_id;
  ring.give_back(&block);
  return sum;
}

void export_ring_in_one_thread(benchmark::State& state) {
  ExportRing ring(kExportRingBlocks);
  RecordWriter writer(ring, true);
  std::uint64_t number = 0;
  for (auto _ : state) {
    write_block(writer, ++number);
    benchmark::DoNotOptimize(read_block(ring, *ring.pop()));
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(RecordBlock::kRecords));
}
BENCHMARK(export_ring_in_one_thread);

void export_ring_between_threads(benchmark::State& state) {
  ExportRing ring(kExportRingBlocks);
  RecordWriter writer(ring, true);
  std::atomic<bool> done{false};
  std::thread reader([&] {
    while (!done) {
      if (RecordBlock* block = ring.pop()) benchmark::DoNotOptimize(read_block(ring, *block));
    }
  });
  std::uint64_t number = 0;
  for (auto _ : state) write_block(writer, ++number);
  done = true;
  reader.join();
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(RecordBlock::kRecords));
}
BENCHMARK(export_ring_between_threads)->UseRealTime();

Config with_statistics(bool on) {
  Config config;
  config.features.statistics = on;
  return config;
}

// Records of real flows, with what DPI says of them.
void write_records(benchmark::State& state, const std::string& sink_type, bool statistics) {
  const Config config = with_statistics(statistics);
  testing::FlowHarness flows(config, {.dpi = true});
  for (const std::string name : {"mixed.pcap", "tls13_web.pcap", "http.pcap", "dns.pcap"}) {
    for (const testing::TestPacket& frame : testing::recorded_packets(name)) {
      if (testing::decode(frame).outcome == Counter::kPacketsMetered) flows.add(frame);
    }
  }
  const std::vector<FlowRecord> records = flows.finish();
  const std::atomic<bool> abandon{false};
  const auto sink = make_sink({.type = sink_type, .path = "/dev/null"}, {config, flows.metrics().names(), abandon});
  for (auto _ : state) {
    sink->write(records);
    sink->flush();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(records.size()));
}

BENCHMARK_CAPTURE(write_records, csv, "csv", false);
BENCHMARK_CAPTURE(write_records, csv_statistics, "csv", true);
BENCHMARK_CAPTURE(write_records, jsonl, "jsonl", false);
BENCHMARK_CAPTURE(write_records, jsonl_statistics, "jsonl", true);

}  // namespace
}  // namespace spanflow::bench
