// Tests the ring that passes blocks of records from one thread to another, and the Collector.
#include "export/export_ring.h"

#include <gmock/gmock.h>
#include <malloc.h>

#include <numeric>
#include <thread>

#include "export/collector.h"
#include "support/eventually.h"
#include "support/memory_sink.h"
#include "support/records.h"

namespace spanflow::testing::export_ring_test {
namespace {

TEST(BlockRing, GivesFullBlocksInOrderAndEmptyOnesBack) {
  BlockRing<int> ring(2);
  EXPECT_EQ(ring.blocks(), 2U);
  EXPECT_EQ(ring.pop(), nullptr);
  int* first = ring.take_empty();
  int* second = ring.take_empty();
  ASSERT_NE(first, nullptr);
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(ring.take_empty(), nullptr);
  EXPECT_EQ(ring.empty_blocks(), 0U);
  *first = 1;
  *second = 2;
  ring.push(first);
  ring.push(second);
  EXPECT_EQ(*ring.pop(), 1);
  EXPECT_EQ(*ring.pop(), 2);
  ring.give_back(first);
  EXPECT_EQ(ring.empty_blocks(), 1U);
  EXPECT_EQ(ring.take_empty(), first);
}

// Writes `count` records, numbered from `first` on. Returns how many of the records had room.
std::size_t write(RecordWriter& writer, std::uint64_t first, std::size_t count) {
  std::size_t written = 0;
  for (std::size_t i = 0; i < count; ++i) {
    FlowRecord* record = writer.next().record;
    if (record == nullptr) continue;
    *record = record_number(first + i);
    ++written;
  }
  return written;
}

TEST(RecordWriter, PassesOnFullBlocksByItselfAndTheRestByFlush) {
  ExportRing ring(4);
  RecordWriter writer(ring, false);
  EXPECT_FALSE(writer.has_unflushed());
  EXPECT_EQ(write(writer, 0, RecordBlock::kRecords + 1), RecordBlock::kRecords + 1);
  ASSERT_NE(ring.pop(), nullptr);
  EXPECT_EQ(ring.pop(), nullptr);
  EXPECT_TRUE(writer.has_unflushed());
  writer.flush();
  EXPECT_FALSE(writer.has_unflushed());
  const RecordBlock* rest = ring.pop();
  ASSERT_NE(rest, nullptr);
  EXPECT_EQ(rest->count, 1U);
  EXPECT_EQ(rest->records[0].flow_id, RecordBlock::kRecords);
}

TEST(RecordWriter, AFlushOfNothingPassesOnNothing) {
  ExportRing ring(2);
  RecordWriter writer(ring, false);
  writer.flush();
  EXPECT_EQ(ring.pop(), nullptr);
}

TEST(RecordWriter, ABacklogIsWhatFillsTheLastQuarter) {
  ExportRing ring(8);
  RecordWriter live(ring, false);
  write(live, 0, 6 * RecordBlock::kRecords);
  EXPECT_EQ(live.backlog(), 0) << "the sweep may fill three quarters";
  write(live, 0, 1);
  EXPECT_EQ(live.backlog(), 0.5);
  write(live, 0, RecordBlock::kRecords);
  EXPECT_EQ(live.backlog(), 1);
  EXPECT_EQ(RecordWriter(ring, true).backlog(), 0) << "the records of a file wait, so there is no backlog";
}

TEST(RecordWriter, ALiveOneDropsWhenTheRingIsFull) {
  ExportRing ring(2);
  RecordWriter writer(ring, false);
  EXPECT_EQ(write(writer, 0, 3 * RecordBlock::kRecords), 2 * RecordBlock::kRecords);
  RecordBlock* block = ring.pop();
  ASSERT_NE(block, nullptr);
  ring.give_back(block);
  EXPECT_EQ(write(writer, 0, 1), 1U);
}

TEST(RecordWriter, ALiveOneIsNearlyFullAboveThreeQuarters) {
  ExportRing ring(8);
  RecordWriter writer(ring, false);
  write(writer, 0, 5 * RecordBlock::kRecords + 1);  // six of eight blocks are taken: exactly three quarters
  EXPECT_FALSE(writer.nearly_full());
  write(writer, 0, RecordBlock::kRecords);
  EXPECT_TRUE(writer.nearly_full());
}

TEST(RecordWriter, AWaitingOneIsNeverNearlyFull) {
  ExportRing ring(2);
  RecordWriter writer(ring, true);
  write(writer, 0, 2 * RecordBlock::kRecords);
  EXPECT_FALSE(writer.nearly_full());
}

TEST(RecordWriter, AWaitingOneLosesNothing) {
  constexpr std::size_t kRecords = 50 * RecordBlock::kRecords + 7;
  ExportRing ring(2);
  std::thread producer([&] {
    RecordWriter writer(ring, true);
    EXPECT_EQ(write(writer, 0, kRecords), kRecords);
    writer.flush();
  });
  std::uint64_t next = 0;
  EXPECT_TRUE(eventually([&] {
    while (RecordBlock* block = ring.pop()) {
      for (std::size_t i = 0; i < block->count; ++i) EXPECT_EQ(block->records[i].flow_id, next++);
      ring.give_back(block);
    }
    return next == kRecords;
  }));
  producer.join();
}

TEST(Collector, HandsEachRecordOfEveryRingToEverySink) {
  constexpr std::size_t kPerRing = 10'000;
  std::atomic<bool> abandon{false};
  std::vector<std::shared_ptr<KeptRecords>> kept;
  std::vector<std::unique_ptr<SinkRunner>> runners;
  std::vector<SinkRunner*> sinks;
  for (int i = 0; i < 2; ++i) {
    kept.push_back(std::make_shared<KeptRecords>());
    runners.push_back(
        std::make_unique<SinkRunner>("memory", std::make_unique<MemorySink>(kept.back()), 1 << 20, true, abandon));
    sinks.push_back(runners.back().get());
    runners.back()->start();
  }
  ExportRing first(4);
  ExportRing second(4);
  Counters counters;
  Collector collector({&first, &second}, sinks, counters);
  collector.start();
  std::thread other([&] {
    RecordWriter writer(second, true);
    write(writer, kPerRing, kPerRing);
    writer.flush();
  });
  RecordWriter writer(first, true);
  write(writer, 0, kPerRing);
  writer.flush();
  other.join();
  collector.finish();
  for (const auto& runner : runners) runner->finish();

  for (int i = 0; i < 2; ++i) {
    auto numbers = numbers_of(kept[static_cast<std::size_t>(i)]->all());
    std::sort(numbers.begin(), numbers.end());
    ASSERT_EQ(numbers.size(), 2 * kPerRing);
    for (std::uint64_t number = 0; number < numbers.size(); ++number) ASSERT_EQ(numbers[number], number);
    EXPECT_EQ(runners[static_cast<std::size_t>(i)]->ledger().delivered, 2 * kPerRing);
  }
}

// A sink whose write() waits until `open` is true.
class GatedSink : public MemorySink {
 public:
  GatedSink(std::shared_ptr<KeptRecords> kept, const std::atomic<bool>& open)
      : MemorySink(std::move(kept)), open_(open) {}
  void write(std::span<const FlowRecord> records) override {
    EXPECT_TRUE(eventually([this] { return open_.load(); }));
    MemorySink::write(records);
  }

 private:
  const std::atomic<bool>& open_;
};

std::uint64_t dropped(const SinkRunner& sink) {
  const SinkLedger ledger = sink.ledger();
  return std::accumulate(ledger.dropped.begin(), ledger.dropped.end(), std::uint64_t{0});
}

TEST(Collector, LeavesTheRecordsInTheRingsWhileEverySinkIsFull) {
  std::atomic<bool> abandon{false};
  std::atomic<bool> open{false};
  const auto kept = std::make_shared<KeptRecords>();
  SinkRunner sink("gated", std::make_unique<GatedSink>(kept, open), 2 * RecordBlock::kRecords, false, abandon);
  sink.start();
  ExportRing ring(4);
  Counters counters;
  Collector collector({&ring}, {&sink}, counters);
  collector.start();
  RecordWriter writer(ring, false);
  std::uint64_t written = 0;
  EXPECT_TRUE(eventually([&] { return write(writer, written, 1) == 0 || ++written == 0; })) << "the ring gets full";
  EXPECT_GT(written, 4 * RecordBlock::kRecords);
  open = true;
  writer.flush();
  collector.finish();
  sink.finish();
  EXPECT_EQ(dropped(sink), 0U);
  EXPECT_EQ(kept->all().size(), written);
}

TEST(Collector, AFullSinkDoesNotHoldUpAnother) {
  constexpr std::size_t kRecords = 10'000;
  std::atomic<bool> abandon{false};
  std::atomic<bool> open{false};
  const auto kept = std::make_shared<KeptRecords>();
  SinkRunner full("gated", std::make_unique<GatedSink>(std::make_shared<KeptRecords>(), open), 1000, false, abandon);
  SinkRunner good("memory", std::make_unique<MemorySink>(kept), 1 << 20, false, abandon);
  full.start();
  good.start();
  ExportRing ring(4);
  Counters counters;
  Collector collector({&ring}, {&full, &good}, counters);
  collector.start();
  RecordWriter writer(ring, true);
  write(writer, 0, kRecords);
  writer.flush();
  EXPECT_TRUE(eventually([&] { return kept->all().size() == kRecords; }));
  EXPECT_GT(dropped(full), 0U);
  open = true;
  collector.finish();
}

// Earlier, each of these batches had memory for 1024 records and more: about 0.7 MB, so a full queue of a slow run took
// gigabytes of addresses.
TEST(Collector, BatchesOfFewRecordsTakeLittleMemoryWhileTheyWait) {
  constexpr std::uint64_t kBatches = 200;
  std::atomic<bool> abandon{false};
  std::atomic<bool> open{false};
  SinkRunner sink("gated", std::make_unique<GatedSink>(std::make_shared<KeptRecords>(), open), 1 << 20, false, abandon);
  sink.start();
  ExportRing ring(4);
  Counters counters;
  Collector collector({&ring}, {&sink}, counters);
  collector.start();
  RecordWriter writer(ring, true);
  const auto octets_in_use = [] {
    const struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
  };
  const std::size_t before = octets_in_use();
  for (std::uint64_t number = 0; number < kBatches; ++number) {
    write(writer, number, 1);
    writer.flush();
    ASSERT_TRUE(eventually([&] { return sink.ledger().handed == number + 1; }));
  }
  EXPECT_LT(octets_in_use(), before + kBatches * 16 * sizeof(FlowRecord));
  open = true;
  collector.finish();
  sink.finish();
  EXPECT_EQ(sink.ledger().delivered, kBatches);
}

// Earlier, a place kept the memory of the longest metadata that it had ever held.
TEST(Collector, PlacesOfRecordsKeepLittleMemoryForMetadata) {
  std::atomic<bool> abandon{false};
  SinkRunner sink("memory", std::make_unique<MemorySink>(std::make_shared<KeptRecords>()), 1 << 20, true, abandon);
  sink.start();
  ExportRing ring(2, true);
  Counters counters;
  Collector collector({&ring}, {&sink}, counters);
  collector.start();
  RecordWriter writer(ring, true);
  for (std::size_t i = 0; i < 4 * RecordBlock::kRecords; ++i) writer.next().extras->metadata.octets.assign(20'000, 'x');
  writer.flush();
  collector.finish();
  sink.finish();
  EXPECT_EQ(sink.ledger().delivered, 4 * RecordBlock::kRecords);
  for (RecordBlock* block = ring.take_empty(); block != nullptr; block = ring.take_empty()) {
    for (const FlowExtras& extras : block->extras) {
      EXPECT_LE(extras.metadata.octets.capacity(), RecordBlock::kUsualMetadata);
    }
  }
}

TEST(Collector, FinishTakesWhatWasPushedBefore) {
  std::atomic<bool> abandon{false};
  const auto kept = std::make_shared<KeptRecords>();
  SinkRunner sink("memory", std::make_unique<MemorySink>(kept), 100, true, abandon);
  sink.start();
  ExportRing ring(4);
  RecordWriter writer(ring, false);
  write(writer, 7, 3);
  writer.flush();
  Counters counters;
  Collector collector({&ring}, {&sink}, counters);
  collector.start();
  collector.finish();
  sink.finish();
  EXPECT_THAT(numbers_of(kept->all()), ::testing::ElementsAre(7, 8, 9));
}

// The lag is the time from a record's due time until the sinks get the record. A record without a due time has no lag.
TEST(Collector, NotesTheLagOfRecordsThatWereDue) {
  std::atomic<bool> abandon{false};
  SinkRunner sink("memory", std::make_unique<MemorySink>(std::make_shared<KeptRecords>()), 100, true, abandon);
  sink.start();
  ExportRing ring(4);
  RecordWriter writer(ring, false);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto ns = [](std::chrono::nanoseconds time) { return static_cast<std::uint64_t>(time.count()); };
  *writer.next().due_ns = ns(now - std::chrono::hours{1});
  *writer.next().due_ns = 0;
  *writer.next().due_ns = ns(now + std::chrono::hours{1});  // in the future, as if the packet clock were ahead
  writer.flush();
  Counters counters;
  Collector collector({&ring}, {&sink}, counters);
  collector.start();
  collector.finish();
  sink.finish();
  AllHistograms histograms{};
  counters.add_to(histograms);
  const HistogramValues& lag = histograms[static_cast<std::size_t>(HistogramId::kExportLag)];
  EXPECT_EQ(lag.count(), 2U);
  EXPECT_EQ(lag.counts.front(), 1U);
  EXPECT_EQ(lag.counts[kLagBounds.size()], 1U);
  EXPECT_GE(lag.sum, ns(std::chrono::hours{1}));
  EXPECT_LT(lag.sum, ns(std::chrono::hours{2}));
}

}  // namespace
}  // namespace spanflow::testing::export_ring_test
