// Tests ReadAhead, which reads a capture in a separate thread.
#include "capture/read_ahead.h"

#include <gmock/gmock.h>

#include "base/error.h"
#include "support/block_source.h"
#include "support/eventually.h"
#include "support/random_traffic.h"

namespace spanflow::testing::read_ahead_test {
namespace {

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
