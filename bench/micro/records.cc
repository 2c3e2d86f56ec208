// The cost of a record after its flow has ended: the export ring, and the output of the file sinks. Items are records.
#include <benchmark/benchmark.h>

#include <filesystem>
#include <random>
#include <thread>

#include "export/export_ring.h"
#include "sinks/file_settings.h"
#include "support/flow_harness.h"
#include "support/recorded_packets.h"
#include "support/temporary_folder.h"

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

// Returns the records of the flows of four captures, with the results of DPI.
std::vector<FlowRecord> recorded(const Config& config) {
  testing::FlowHarness flows(config, {.dpi = true});
  for (const std::string name : {"mixed.pcap", "tls13_web.pcap", "http.pcap", "dns.pcap"}) {
    for (const testing::TestPacket& frame : testing::recorded_packets(name)) {
      if (testing::decode(frame).outcome == Counter::kPacketsMetered) flows.add(frame);
    }
  }
  return flows.finish();
}

void write_records(benchmark::State& state, const std::string& sink_type, bool statistics) {
  const Config config = with_statistics(statistics);
  const std::vector<FlowRecord> records = recorded(config);
  const std::atomic<bool> abandon{false};
  const MetricNames no_metrics;
  const auto sink =
      make_sink({.type = sink_type, .settings = FileSettings{.path = "/dev/null"}}, {config, no_metrics, abandon});
  for (auto _ : state) {
    sink->write(records);
    sink->flush();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(records.size()));
}

// Returns records of many flows, which differ in addresses, ports, times and ids as real records do.
std::vector<FlowRecord> varied(const std::vector<FlowRecord>& records) {
  constexpr std::size_t kCount = 16'384;  // about 8 MiB of text, more than zstd's window
  std::mt19937_64 random(1);
  std::vector<FlowRecord> all;
  for (std::size_t i = 0; i < kCount; ++i) {
    FlowRecord record = records[i % records.size()];
    record.flow_id = random();
    record.sequence = i;
    record.ip_src.bytes[3] = static_cast<std::uint8_t>(random());
    record.ip_dst.bytes[2] = static_cast<std::uint8_t>(random());
    record.src_port = static_cast<std::uint16_t>(random());
    const std::uint64_t later = i * 100'000 + random() % 1'000'000;
    record.start_ns += later;
    record.end_ns += later + random() % 1'000'000;
    all.push_back(std::move(record));
  }
  return all;
}

// Measures all work of a file sink, except the fsync when the file is closed. The counter "octets" is the number of
// octets per record in the file.
void write_file(benchmark::State& state, const std::string& type, const std::string& ending, std::uint64_t level) {
  const Config config;
  const testing::TemporaryFolder folder;
  const std::string path = folder / ("flows." + type + ending);
  const SinkConfig file{.type = type, .settings = FileSettings{.path = path, .compression_level = level}};
  const std::atomic<bool> abandon{false};
  const MetricNames no_metrics;
  const std::vector<FlowRecord> records = varied(recorded(config));
  const auto sink = make_sink(file, {config, no_metrics, abandon});
  constexpr std::size_t kFlush = 4096;  // records between two flushes, as in SinkRunner
  for (auto _ : state) {
    for (std::size_t at = 0; at < records.size(); at += kFlush) {
      sink->write(std::span(records).subspan(at, kFlush));
      sink->flush();
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(records.size()));
  state.counters["octets"] =
      static_cast<double>(std::filesystem::file_size(path + ".part")) / static_cast<double>(state.items_processed());
}

BENCHMARK_CAPTURE(write_file, csv, "csv", "", 3);
BENCHMARK_CAPTURE(write_file, csv_zstd_1, "csv", ".zst", 1);
BENCHMARK_CAPTURE(write_file, csv_zstd_3, "csv", ".zst", 3);
BENCHMARK_CAPTURE(write_file, csv_zstd_9, "csv", ".zst", 9);
BENCHMARK_CAPTURE(write_file, jsonl, "jsonl", "", 3);
BENCHMARK_CAPTURE(write_file, jsonl_zstd_3, "jsonl", ".zst", 3);

BENCHMARK_CAPTURE(write_records, csv, "csv", false);
BENCHMARK_CAPTURE(write_records, csv_statistics, "csv", true);
BENCHMARK_CAPTURE(write_records, jsonl, "jsonl", false);
BENCHMARK_CAPTURE(write_records, jsonl_statistics, "jsonl", true);

}  // namespace
}  // namespace spanflow::bench
