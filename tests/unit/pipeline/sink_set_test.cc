// Tests sinks that are added, replaced and removed during a run.
#include "pipeline/sink_set.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include "base/descriptor.h"
#include "base/error.h"
#include "sinks/file_settings.h"
#include "support/memory_sink.h"
#include "support/records.h"
#include "support/sink_config.h"
#include "support/temporary_folder.h"

namespace spanflow::testing::sink_set_test {
namespace {

class SinkSetTest : public ::testing::Test {
 protected:
  SinkConfig csv(const std::string& name, std::vector<std::string> fields = {"flow_id"}) const {
    return {.type = "csv", .fields = std::move(fields), .settings = FileSettings{.path = folder_ / name}};
  }

  // Returns a Kafka sink with a spool. No broker runs, so all records are spooled.
  SinkConfig kafka(const std::string& compression, const std::string& tls = "{}",
                   const std::string& topic = "flows") const {
    return sink_from({{"type", "kafka"},
                      {"brokers", "'127.0.0.1:1'"},
                      {"topic", topic},
                      {"compression", compression},
                      {"flush_timeout", "0"},
                      {"tls", tls},
                      {"spool", yaml_mapping({{"path", folder_ / "spool"}})}});
  }

  void begin(const std::vector<SinkConfig>& configs, std::vector<NamedSink> own = {}) {
    sinks_.emplace(SinkSetOptions{config_, metrics_, true}, configs, std::move(own));
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

// A sink ends before its successor is made. If making the successor fails, the old sink must be made again.
TEST_F(SinkSetTest, IfASuccessorCannotBeMadeTheOldOneIsMadeAgain) {
  begin({csv("a.csv"), kafka("lz4")});
  enqueue(1, 2);
  const SinkConfig impossible = kafka("zstd", yaml_mapping({{"ca", folder_ / "missing.pem"}}));
  EXPECT_THROW(replace({csv("a.csv", {"dst_port"}), impossible}), std::runtime_error);
  enqueue(3, 1);
  sinks_->finish();
  ASSERT_EQ(sinks_->ledgers().size(), 2U);
  for (const SinkLedger& ledger : sinks_->ledgers()) EXPECT_EQ(ledger.handed, 3U) << ledger.name;
  EXPECT_EQ(content("a.csv") + content("a.1.csv"),
            "flow_id\n0000000000000001\n0000000000000002\nflow_id\n0000000000000003\n");
}

TEST_F(SinkSetTest, WhatIsSpooledIsTheSuccessors) {
  begin({kafka("lz4")});
  enqueue(1, 10);
  replace({kafka("zstd")});
  enqueue(11, 5);
  sinks_->finish();
  ASSERT_EQ(sinks_->ledgers().size(), 1U);
  EXPECT_EQ(ledger(0).handed, 15U);
  EXPECT_EQ(ledger(0).spooled, 15U);
  EXPECT_EQ(ledger(0).recovered, 0U);
}

TEST_F(SinkSetTest, WhatIsSpooledIsFoundAgainByOneThatComesBack) {
  begin({csv("a.csv"), kafka("lz4")});
  enqueue(1, 10);
  replace({csv("a.csv")});
  EXPECT_EQ(ledger(1).spooled, 10U);
  EXPECT_TRUE(ledger(1).removed);
  replace({csv("a.csv"), kafka("lz4")});
  enqueue(11, 5);
  sinks_->finish();
  EXPECT_EQ(ledger(1).handed, 15U);
  EXPECT_EQ(ledger(1).spooled, 15U);
  EXPECT_EQ(ledger(1).recovered, 0U);
}

// Sinks of two topics take turns on one spool. Each ledger counts what its sinks found in the spool and left there.
TEST_F(SinkSetTest, WhatIsSpooledIsRecoveredByASinkOfAnotherTopic) {
  const auto of = [this](const std::string& topic) { return kafka("lz4", "{}", topic); };
  begin({of("flows")});
  enqueue(1, 10);
  replace({of("others")});
  enqueue(11, 5);
  replace({of("flows")});
  enqueue(16, 1);
  replace({of("others")});
  sinks_->finish();
  ASSERT_EQ(sinks_->ledgers().size(), 2U);
  EXPECT_EQ(ledger(0).handed, 5U);
  EXPECT_EQ(ledger(0).recovered, 10U + 16U);
  EXPECT_EQ(ledger(0).spooled, 15U + 16U);
  EXPECT_EQ(ledger(1).handed, 11U);
  EXPECT_EQ(ledger(1).recovered, 15U);
  EXPECT_EQ(ledger(1).spooled, 10U + 16U);
}

// The reader holds the pipe open but reads nothing.
TEST_F(SinkSetTest, OneThatIsStuckIsWaitedForWithinBounds) {
  const std::string pipe = folder_ / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const Descriptor reader(::open(pipe.c_str(), O_RDONLY | O_NONBLOCK));
  begin({csv("pipe")});
  enqueue(1, 20'000);
  replace({csv("flows.csv")});  // must return, although nobody reads the pipe
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
}  // namespace spanflow::testing::sink_set_test
