// Tests ReadAhead, which reads a capture in a separate thread.
#include "capture/read_ahead.h"

#include <gmock/gmock.h>

#include "base/error.h"
#include "base/octet_blocks.h"
#include "support/eventually.h"
#include "support/random_traffic.h"

namespace spanflow::testing::read_ahead_test {
namespace {

// A source that puts each burst into a block. It reuses the block if nobody else holds a reference to it.
class BlockSource : public RetainableSource {
 public:
  explicit BlockSource(std::vector<TestPacket> packets) : packets_(std::move(packets)) {}

  Burst poll() override {
    ++polls;
    if (polls == idle_at) return {.state = Burst::State::kIdle, .now_ns = now_ns_};
    if (polls == fail_at) throw RunError("x.pcap: cannot be read");
    if (next_ == packets_.size()) return {.state = Burst::State::kEnd, .now_ns = now_ns_};
    block_ = blocks_.renew(std::move(block_));
    std::size_t count = 0;
    for (std::size_t used = 0; count < raw_.size() && next_ < packets_.size(); ++count, ++next_) {
      raw_[count] = packets_[next_].raw();
      std::copy_n(raw_[count].data, raw_[count].captured, block_->data() + used);
      raw_[count].data = block_->data() + used;
      used += raw_[count].captured;
    }
    now_ns_ = raw_[count - 1].time_ns;
    return {.state = Burst::State::kPackets, .packets = std::span(raw_).first(count), .now_ns = now_ns_};
  }
  std::shared_ptr<const void> memory() const override { return block_; }
  TimestampSource timestamp_source() const override { return TimestampSource::kFile; }
  bool is_live() const override { return false; }
  double progress() const override { return 0.25; }

  std::atomic<int> polls{0};
  int idle_at = 0;
  int fail_at = 0;

 private:
  const std::vector<TestPacket> packets_;
  std::size_t next_ = 0;
  std::uint64_t now_ns_ = 0;
  std::array<RawPacket, 7> raw_;
  OctetBlocks blocks_{64 * 1024};
  OctetBlocks::Block block_ = blocks_.take();
};

Bytes bytes_of(const RawPacket& raw) { return Bytes(raw.data, raw.data + raw.captured); }

TEST(ReadAhead, GivesEveryPacketInOrderWithItsOctets) {
  const auto packets = random_traffic(1, 20'000);
  ReadAhead source(std::make_unique<BlockSource>(packets));
  source.attach_thread();
  std::size_t next = 0;
  Burst burst;
  while ((burst = source.poll()).state != Burst::State::kEnd) {
    for (const RawPacket& raw : burst.packets) {
      ASSERT_LT(next, packets.size());
      ASSERT_EQ(bytes_of(raw), packets[next].bytes);
      ASSERT_EQ(raw.time_ns, packets[next].time_ns);
      ++next;
    }
    ASSERT_EQ(burst.now_ns, packets[next - 1].time_ns);
  }
  EXPECT_EQ(next, packets.size());
  EXPECT_EQ(burst.now_ns, packets.back().time_ns);
  EXPECT_EQ(source.poll().state, Burst::State::kEnd);
}

TEST(ReadAhead, PassesOnThatASourceIsIdle) {
  auto inner = std::make_unique<BlockSource>(random_traffic(1, 7));
  inner->idle_at = 2;
  ReadAhead source(std::move(inner));
  source.attach_thread();
  EXPECT_EQ(source.poll().state, Burst::State::kPackets);
  EXPECT_EQ(source.poll().state, Burst::State::kIdle);
  EXPECT_EQ(source.poll().state, Burst::State::kEnd);
}

TEST(ReadAhead, WhatEndsTheReadingIsThrownAfterThePacketsBeforeIt) {
  auto inner = std::make_unique<BlockSource>(random_traffic(1, 100));
  inner->fail_at = 3;
  ReadAhead source(std::move(inner));
  source.attach_thread();
  EXPECT_EQ(source.poll().packets.size(), 7U);
  EXPECT_EQ(source.poll().packets.size(), 7U);
  EXPECT_THROW(source.poll(), RunError);
  EXPECT_EQ(source.poll().state, Burst::State::kEnd);
}

TEST(ReadAhead, MayBeGivenUpBeforeTheEnd) {
  auto inner = std::make_unique<BlockSource>(random_traffic(1, 20'000));
  const BlockSource& reader = *inner;
  ReadAhead source(std::move(inner));
  source.attach_thread();
  EXPECT_EQ(source.poll().packets.size(), 7U);
  EXPECT_TRUE(eventually([&] { return reader.polls > 60; }));  // the reading thread is ahead and waits for room
}

TEST(ReadAhead, ThatNeverBeganHasNothingToWaitFor) {
  const ReadAhead source(std::make_unique<BlockSource>(random_traffic(1, 7)));
  EXPECT_EQ(source.progress(), 0.25);
}

TEST(OctetBlocks, AreUsedAgainOnceNobodyHoldsThem) {
  OctetBlocks blocks(16);
  OctetBlocks::Block first = blocks.take();
  const auto* address = first.get();
  first = blocks.renew(std::move(first));
  EXPECT_EQ(first.get(), address);
  OctetBlocks::Block held = first;
  first = blocks.renew(std::move(first));
  EXPECT_NE(first.get(), address);
  EXPECT_EQ(first->size(), 16U);
  held.reset();
  EXPECT_EQ(blocks.take().get(), address);
}

}  // namespace
}  // namespace spanflow::testing::read_ahead_test
