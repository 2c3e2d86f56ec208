// Sinks that come and go while a run goes on.
#include "pipeline/sink_set.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include "base/descriptor.h"
#include "base/error.h"
#include "support/memory_sink.h"
#include "support/records.h"
#include "support/temporary_folder.h"

namespace spanflow::testing {
namespace {

class SinkSetTest : public ::testing::Test {
 protected:
  SinkConfig csv(const std::string& name, std::vector<std::string> fields = {"flow_id"}) const {
    SinkConfig config;
    config.type = "csv";
    config.path = folder_ / name;
    config.fields = std::move(fields);
    return config;
  }

  // Nobody is there, so everything is spooled.
  SinkConfig kafka(Compression compression) const {
    SinkConfig config;
    config.type = "kafka";
    config.compression = compression;
    config.kafka.brokers = "127.0.0.1:1";
    config.kafka.topic = "flows";
    config.kafka.flush_timeout = Nanoseconds{0};
    config.kafka.spool.path = folder_ / "spool";
    return config;
  }

  void begin(const std::vector<SinkConfig>& configs, std::vector<NamedSink> own = {}) {
    sinks_.emplace(SinkSet::SinkSetOptions{config_, metrics_, true}, configs, std::move(own));
    collector_.emplace(std::vector<ExportRing*>{}, sinks_->runners(), counters_);
    sinks_->start();
  }

  void replace(const std::vector<SinkConfig>& configs) { sinks_->replace(configs, *collector_); }

  void enqueue(std::uint64_t first, std::size_t count) {
    for (SinkRunner* runner : sinks_->runners()) runner->enqueue(batch_of(first, count));
  }

  SinkLedger ledger(std::size_t at) const { return sinks_->ledgers().at(at); }
  std::string content(const std::string& name) const { return content_of(folder_ / name); }

  TemporaryFolder folder_;
  Config config_;
  MetricNames metrics_;
  Counters counters_;
  std::optional<SinkSet> sinks_;
  std::optional<Collector> collector_;
};

TEST_F(SinkSetTest, OneThatIsAsBeforeGoesOn) {
  begin({csv("a.csv"), csv("b.csv")});
  const auto before = sinks_->runners();
  replace({csv("b.csv"), csv("a.csv")});
  EXPECT_EQ(sinks_->runners(), before);
}

TEST_F(SinkSetTest, OneThatChangedTakesThePlaceOfItself) {
  begin({csv("flows.csv")});
  enqueue(1, 2);
  replace({csv("flows.csv", {"flow_id", "dst_port"})});
  enqueue(3, 1);
  sinks_->finish();
  EXPECT_EQ(content("flows.csv"), "flow_id\n0000000000000001\n0000000000000002\n");
  EXPECT_EQ(content("flows.1.csv"), "flow_id,dst_port\n0000000000000003,443\n");
  ASSERT_EQ(sinks_->ledgers().size(), 1U);
  EXPECT_EQ(ledger(0).handed, 3U);
  EXPECT_EQ(ledger(0).delivered, 3U);
  EXPECT_FALSE(ledger(0).added || ledger(0).removed);
}

TEST_F(SinkSetTest, OneThatLeavesHasWrittenEverything) {
  begin({csv("stays.csv"), csv("leaves.csv")});
  enqueue(1, 1000);
  replace({csv("stays.csv")});
  EXPECT_EQ(content("leaves.csv").size(), 8 + 1000 * 17);
  enqueue(1001, 1);
  EXPECT_EQ(ledger(0).handed, 1001U);
  EXPECT_TRUE(ledger(1).removed);
  EXPECT_EQ(ledger(1).handed, 1000U);
  EXPECT_EQ(ledger(1).delivered, 1000U);
  EXPECT_EQ(ledger(1).name, "csv:" + folder_ / "leaves.csv");
}

TEST_F(SinkSetTest, ANewOneGetsWhatComesAndTakesNoFileAway) {
  begin({csv("a.csv")});
  enqueue(1, 1);
  folder_.write("b.csv", "mine");
  replace({csv("a.csv"), csv("b.csv")});
  enqueue(2, 1);
  sinks_->finish();
  EXPECT_EQ(content("b.csv"), "mine");
  EXPECT_EQ(content("b.1.csv"), "flow_id\n0000000000000002\n");
  EXPECT_TRUE(ledger(1).added);
  EXPECT_EQ(ledger(1).handed, 1U);
}

TEST_F(SinkSetTest, OneThatComesAgainKeepsItsLedgerAndItsFiles) {
  begin({csv("a.csv"), csv("b.csv")});
  enqueue(1, 1);
  replace({csv("a.csv")});
  enqueue(2, 1);
  replace({csv("a.csv"), csv("b.csv")});
  enqueue(3, 1);
  sinks_->finish();
  EXPECT_EQ(content("b.csv") + content("b.1.csv"), "flow_id\n0000000000000001\nflow_id\n0000000000000003\n");
  EXPECT_TRUE(ledger(1).added);
  EXPECT_FALSE(ledger(1).removed);
  EXPECT_EQ(ledger(1).handed, 2U);
}

TEST_F(SinkSetTest, IfOneCannotBeMadeNothingChanges) {
  begin({csv("a.csv"), csv("b.csv")});
  enqueue(1, 1);
  EXPECT_THROW(replace({csv("a.csv", {"dst_port"}), csv("new.csv"), csv("no/folder.csv")}), RunError);
  enqueue(2, 1);
  sinks_->finish();
  EXPECT_EQ(sinks_->ledgers().size(), 2U);
  EXPECT_EQ(ledger(0).delivered, 2U);
  EXPECT_EQ(ledger(1).delivered, 2U);
  EXPECT_EQ(content("a.csv"), "flow_id\n0000000000000001\n0000000000000002\n");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "new.csv"));
}

// The one that is in the way has ended already when its successor turns out not to be possible.
TEST_F(SinkSetTest, IfASuccessorCannotBeMadeTheOldOneIsMadeAgain) {
  begin({csv("a.csv"), kafka(Compression::kLz4)});
  enqueue(1, 2);
  SinkConfig impossible = kafka(Compression::kZstd);
  impossible.kafka.tls.ca = folder_ / "missing.pem";
  EXPECT_THROW(replace({csv("a.csv", {"dst_port"}), impossible}), std::runtime_error);
  enqueue(3, 1);
  sinks_->finish();
  ASSERT_EQ(sinks_->ledgers().size(), 2U);
  for (const SinkLedger& ledger : sinks_->ledgers()) EXPECT_EQ(ledger.handed, 3U) << ledger.name;
  EXPECT_EQ(content("a.csv") + content("a.1.csv"),
            "flow_id\n0000000000000001\n0000000000000002\nflow_id\n0000000000000003\n");
}

TEST_F(SinkSetTest, WhatIsSpooledIsTheSuccessors) {
  begin({kafka(Compression::kLz4)});
  enqueue(1, 10);
  replace({kafka(Compression::kZstd)});
  enqueue(11, 5);
  sinks_->finish();
  ASSERT_EQ(sinks_->ledgers().size(), 1U);
  EXPECT_EQ(ledger(0).handed, 15U);
  EXPECT_EQ(ledger(0).spooled, 15U);
  EXPECT_EQ(ledger(0).recovered, 0U);
}

TEST_F(SinkSetTest, WhatIsSpooledIsFoundAgainByOneThatComesBack) {
  begin({csv("a.csv"), kafka(Compression::kLz4)});
  enqueue(1, 10);
  replace({csv("a.csv")});
  EXPECT_EQ(ledger(1).spooled, 10U);
  EXPECT_TRUE(ledger(1).removed);
  replace({csv("a.csv"), kafka(Compression::kLz4)});
  enqueue(11, 5);
  sinks_->finish();
  EXPECT_EQ(ledger(1).handed, 15U);
  EXPECT_EQ(ledger(1).spooled, 15U);
  EXPECT_EQ(ledger(1).recovered, 0U);
}

// Its reader holds the pipe open and reads nothing.
TEST_F(SinkSetTest, OneThatIsStuckIsWaitedForWithinBounds) {
  SinkConfig pipe = csv("pipe");
  ASSERT_EQ(::mkfifo(pipe.path.c_str(), 0600), 0);
  const Descriptor reader(::open(pipe.path.c_str(), O_RDONLY | O_NONBLOCK));
  begin({pipe});
  enqueue(1, 20'000);
  const auto before = std::chrono::steady_clock::now();
  replace({csv("flows.csv")});
  EXPECT_LT(std::chrono::steady_clock::now() - before, 10 * SinkSet::kPatience);
  const SinkLedger left = ledger(1);
  EXPECT_TRUE(left.removed);
  const std::uint64_t stopped = left.dropped[static_cast<std::size_t>(DropReason::kStopped)];
  EXPECT_GT(stopped, 0U);
  EXPECT_EQ(left.delivered + stopped, 20'000U);
}

TEST_F(SinkSetTest, TheProgramsOwnAlwaysStay) {
  const auto kept = std::make_shared<KeptRecords>();
  std::vector<NamedSink> own;
  own.push_back({"memory", std::make_unique<MemorySink>(kept), 1000});
  begin({csv("a.csv")}, std::move(own));
  replace({csv("b.csv")});
  enqueue(1, 3);
  sinks_->finish();
  EXPECT_EQ(numbers_of(kept->all()), (std::vector<std::uint64_t>{1, 2, 3}));
}

}  // namespace
}  // namespace spanflow::testing
