// Tests the SegmentBuffer with TCP segments in any order.
#include "inspect/segment_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace spanflow::testing::segment_buffer_test {
namespace {

class SegmentBufferTest : public ::testing::Test {
 protected:
  bool add(std::uint32_t sequence, const std::string& octets) {
    const auto size = static_cast<std::uint32_t>(octets.size());
    return buffer_->add(sequence, {reinterpret_cast<const std::uint8_t*>(octets.data()), size, size});
  }
  std::string stream() const {
    const Cursor stream = buffer_->stream();
    return {reinterpret_cast<const char*>(stream.data()), stream.captured()};
  }

  std::unique_ptr<SegmentBuffer> buffer_ = std::make_unique<SegmentBuffer>();
};

TEST_F(SegmentBufferTest, PutsSegmentsBehindEachOther) {
  buffer_->start(100);
  EXPECT_EQ(stream(), "");
  EXPECT_TRUE(add(100, "abc"));
  EXPECT_EQ(stream(), "abc");
  EXPECT_TRUE(add(103, "def"));
  EXPECT_EQ(stream(), "abcdef");
}

TEST_F(SegmentBufferTest, WaitsForTheSegmentThatFillsAHole) {
  buffer_->start(100);
  EXPECT_TRUE(add(106, "ghi"));
  EXPECT_EQ(stream(), "");
  EXPECT_TRUE(add(100, "abc"));
  EXPECT_EQ(stream(), "abc");
  EXPECT_TRUE(add(103, "def"));
  EXPECT_EQ(stream(), "abcdefghi");
}

TEST_F(SegmentBufferTest, KeepsWhatItHasWhenItComesAgain) {
  buffer_->start(100);
  EXPECT_TRUE(add(100, "abcdef"));
  EXPECT_TRUE(add(100, "ABC"));
  EXPECT_TRUE(add(103, "DEFghi"));
  EXPECT_EQ(stream(), "abcdefghi");
}

TEST_F(SegmentBufferTest, LeavesOutWhatIsBeforeTheStart) {
  buffer_->start(100);
  EXPECT_TRUE(add(99, "x"));
  EXPECT_TRUE(add(90, "old"));
  EXPECT_EQ(stream(), "");
  EXPECT_TRUE(add(98, "xxabc"));
  EXPECT_EQ(stream(), "abc");
}

TEST_F(SegmentBufferTest, JoinsOverlappingIslands) {
  buffer_->start(0);
  EXPECT_TRUE(add(10, "klm"));
  EXPECT_TRUE(add(14, "op"));
  EXPECT_TRUE(add(12, "mno"));
  EXPECT_TRUE(add(0, "abcdefghij"));
  EXPECT_EQ(stream(), "abcdefghijklmnop");
}

TEST_F(SegmentBufferTest, FollowsSequenceNumbersThroughTheirWrap) {
  buffer_->start(0xfffffffe);
  EXPECT_TRUE(add(1, "def"));
  EXPECT_TRUE(add(0xfffffffe, "abc"));
  EXPECT_EQ(stream(), "abcdef");
}

TEST_F(SegmentBufferTest, StartsAnewWithoutWhatItHad) {
  buffer_->start(100);
  EXPECT_TRUE(add(100, "abcdef"));
  buffer_->start(500);
  EXPECT_EQ(stream(), "");
  EXPECT_TRUE(add(500, "new"));
  EXPECT_EQ(stream(), "new");
}

TEST_F(SegmentBufferTest, RefusesMoreHolesThanItKeeps) {
  buffer_->start(0);
  std::uint32_t at = 10;
  for (std::size_t i = 0; i < SegmentBuffer::kMostRanges; ++i, at += 10) EXPECT_TRUE(add(at, "a"));
  EXPECT_FALSE(add(at, "b"));
}

TEST_F(SegmentBufferTest, DropsTheStartAndKeepsWhatIsBehindIt) {
  buffer_->start(100);
  EXPECT_TRUE(add(100, "abcdef"));
  EXPECT_TRUE(add(110, "xyz"));
  buffer_->drop(2);
  EXPECT_EQ(stream(), "cdef");
  EXPECT_TRUE(add(100, "ab"));  // octets that were dropped
  EXPECT_EQ(stream(), "cdef");
  EXPECT_TRUE(add(106, "ghij"));
  EXPECT_EQ(stream(), "cdefghijxyz");
  buffer_->drop(9);
  EXPECT_EQ(stream(), "yz");
  EXPECT_FALSE(buffer_->empty());
  buffer_->drop(50);
  EXPECT_TRUE(buffer_->empty());
  EXPECT_TRUE(add(161, "next"));
  EXPECT_EQ(stream(), "next");
}

TEST_F(SegmentBufferTest, RefusesWhatLiesBeyondItsOctets) {
  buffer_->start(0);
  EXPECT_FALSE(add(SegmentBuffer::kMostOctets, "x"));
  const std::string longer(SegmentBuffer::kMostOctets + 10, 'x');
  EXPECT_TRUE(add(0, longer));
  EXPECT_EQ(stream().size(), SegmentBuffer::kMostOctets);
  EXPECT_TRUE(buffer_->full());
}

TEST_F(SegmentBufferTest, RefusesMoreSegmentsThanItsBound) {
  buffer_->start(0);
  for (std::uint32_t i = 0; i < SegmentBuffer::kMostSegments; ++i) EXPECT_TRUE(add(i, "x"));
  EXPECT_FALSE(add(SegmentBuffer::kMostSegments, "x"));
}

TEST_F(SegmentBufferTest, CountsRepeatedSegmentsUntilOctetsAreDropped) {
  buffer_->start(0);
  for (std::uint32_t i = 0; i < SegmentBuffer::kMostSegments; ++i) {
    EXPECT_TRUE(add(0, "text"));
    buffer_->drop(0);
  }
  EXPECT_FALSE(add(0, "text"));
  buffer_->drop(4);
  EXPECT_TRUE(add(4, "more"));
}

// Adds overlapping pieces of one text, some of them twice. Only neighbours are swapped, because the buffer limits the
// number of holes.
TEST_F(SegmentBufferTest, GivesTheSameTextWhateverTheCuts) {
  std::mt19937 random{7};
  std::string text;
  for (int i = 0; i < 5000; ++i) text += static_cast<char>('a' + i % 23);
  for (int round = 0; round < 200; ++round) {
    const std::uint32_t start = static_cast<std::uint32_t>(random());
    buffer_->start(start);
    std::vector<std::pair<std::size_t, std::size_t>> cuts;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t size = 300 + random() % 900;
      const std::size_t back = std::min<std::size_t>(at, random() % 50);
      cuts.emplace_back(at - back, size + back);
      if (random() % 4 == 0) cuts.emplace_back(at, size);
      at += size;
    }
    for (std::size_t i = 0; i + 1 < cuts.size(); i += 2) {
      if (random() % 2 == 0) std::swap(cuts[i], cuts[i + 1]);
    }
    for (const auto& [at, size] : cuts) {
      ASSERT_TRUE(add(start + static_cast<std::uint32_t>(at), text.substr(at, size)));
    }
    ASSERT_EQ(stream(), text) << round;
  }
}

}  // namespace
}  // namespace spanflow::testing::segment_buffer_test
