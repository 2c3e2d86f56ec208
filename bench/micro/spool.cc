// The write and read speed of a spool with records of 400 octets, for each kind of sync. The spool is in $TMPDIR or in
// /tmp, so the disk of this folder is measured too. Items are records; bytes are the payloads of the records.
#include <benchmark/benchmark.h>

#include <filesystem>

#include "spool/spool.h"
#include "support/temporary_folder.h"

namespace spanflow::bench {
namespace {

constexpr std::uint64_t kRecords = 500'000;
constexpr std::uint64_t kBatch = 1000;  // records between two flushes

const std::string kRecord(400, 'r');

SpoolOptions options(const spanflow::testing::TemporaryFolder& folder, SpoolSync sync) {
  return {.path = folder / "spool", .max_bytes = std::uint64_t{4} << 30, .sync = sync};
}

void append_all(Spool& spool) {
  for (std::uint64_t i = 0; i < kRecords; ++i) {
    spool.append(kRecord);
    if (i % kBatch == kBatch - 1) spool.flush();
  }
}

void count(benchmark::State& state) {
  const auto records = state.iterations() * static_cast<std::int64_t>(kRecords);
  state.SetItemsProcessed(records);
  state.SetBytesProcessed(records * static_cast<std::int64_t>(kRecord.size()));
}

// The counter longest_batch_s is the longest time in seconds that a batch blocked the thread.
void spool_append(benchmark::State& state, SpoolSync sync) {
  using Clock = std::chrono::steady_clock;
  double longest = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const spanflow::testing::TemporaryFolder folder;
    auto spool = std::make_unique<Spool>(options(folder, sync));
    state.ResumeTiming();
    for (std::uint64_t i = 0; i < kRecords; i += kBatch) {
      const Clock::time_point start = Clock::now();
      for (std::uint64_t j = 0; j < kBatch; ++j) spool->append(kRecord);
      spool->flush();
      longest = std::max(longest, std::chrono::duration<double>(Clock::now() - start).count());
    }
    state.PauseTiming();
    spool.reset();
    state.ResumeTiming();
  }
  count(state);
  state.counters["longest_batch_s"] = longest;
}
BENCHMARK_CAPTURE(spool_append, off, SpoolSync::kOff)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(spool_append, interval, SpoolSync::kInterval)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(spool_append, always, SpoolSync::kAlways)->UseRealTime()->Unit(benchmark::kMillisecond);

void spool_replay(benchmark::State& state) {
  const spanflow::testing::TemporaryFolder folder;
  Spool spool(options(folder, SpoolSync::kOff));
  append_all(spool);
  for (auto _ : state) {
    spool.rewind();
    while (const auto record = spool.next()) benchmark::DoNotOptimize(record->payload.data());
  }
  count(state);
}
BENCHMARK(spool_replay)->UseRealTime()->Unit(benchmark::kMillisecond);

// Writes each batch, reads it back and acknowledges it, as a sink with `spool.mode: always` does.
void spool_pass_through(benchmark::State& state, SpoolSync sync) {
  const spanflow::testing::TemporaryFolder folder;
  Spool spool(options(folder, sync));
  for (auto _ : state) {
    for (std::uint64_t i = 0; i < kRecords; i += kBatch) {
      for (std::uint64_t j = 0; j < kBatch; ++j) spool.append(kRecord);
      while (const auto record = spool.next()) spool.acknowledge(record->position);
    }
  }
  count(state);
}
BENCHMARK_CAPTURE(spool_pass_through, off, SpoolSync::kOff)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(spool_pass_through, interval, SpoolSync::kInterval)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(spool_pass_through, always, SpoolSync::kAlways)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace spanflow::bench
