// Tests the store of metadata, and the encoding of metadata.
#include "inspect/metadata.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace spanflow::testing::metadata_test {
namespace {

constexpr std::uint64_t kChunk = 128;
constexpr std::uint32_t kFlows = 8;

std::string encoded(Metadata key, std::string_view text) {
  std::string octets;
  put(octets, key, text);
  return octets;
}

class MetadataStoreTest : public ::testing::Test {
 protected:
  std::string read(std::uint32_t flow) const {
    std::string octets = "what was there before";
    store_.read(flow, octets);
    return octets;
  }
  std::uint64_t refused() const { return counters_.get(Counter::kInspectMemoryFull); }

  Counters counters_;
  MetadataStore store_{10'000 * kChunk, kFlows, counters_};
};

TEST(FlowMetadata, GivesBackTextsAndNumbersByTheirKey) {
  FlowMetadata metadata;
  put(metadata.octets, Metadata::kHttpUrl, "example.com/");
  put(metadata.octets, Metadata::kHttpStatus, 404);
  put(metadata.octets, Metadata::kUserAgent, std::string(300, 'x'));
  EXPECT_EQ(metadata.text(Metadata::kHttpUrl), "example.com/");
  EXPECT_EQ(metadata.number(Metadata::kHttpStatus), 404U);
  EXPECT_EQ(metadata.text(Metadata::kUserAgent), std::string(300, 'x'));
  EXPECT_EQ(metadata.text(Metadata::kSshClient), "");
  EXPECT_EQ(metadata.number(Metadata::kDnsReplyCode), std::nullopt);
}

TEST(FlowMetadata, WithItsKeysNotedItGivesTheSame) {
  FlowMetadata metadata;
  put(metadata.octets, Metadata::kRiskScore, 10);
  put(metadata.octets, Metadata::kServerName, "example.com");
  metadata.note_keys();
  EXPECT_EQ(metadata.keys, metadata_bit(Metadata::kRiskScore) | metadata_bit(Metadata::kServerName));
  EXPECT_EQ(metadata.number(Metadata::kRiskScore), 10U);
  EXPECT_EQ(metadata.text(Metadata::kServerName), "example.com");
  EXPECT_EQ(metadata.text(Metadata::kTlsIssuer), "");
}

TEST(FlowMetadata, NumberZeroIsSomethingAndAnEmptyTextIsNothing) {
  FlowMetadata metadata;
  put(metadata.octets, Metadata::kDnsReplyCode, 0);
  EXPECT_EQ(metadata.number(Metadata::kDnsReplyCode), 0U);
  EXPECT_EQ(encoded(Metadata::kHttpUrl, ""), "");
}

TEST(FlowMetadata, ALongTextIsCut) {
  FlowMetadata metadata;
  put(metadata.octets, Metadata::kHttpUrl, std::string(9000, 'u'));
  EXPECT_EQ(metadata.text(Metadata::kHttpUrl), std::string(8192, 'u'));
}

TEST(FlowMetadata, AListHasOneItemForEachElement) {
  FlowMetadata metadata;
  put(metadata.octets, Metadata::kTlsAlpn, "h2");
  put(metadata.octets, Metadata::kHttpStatus, 200);
  put(metadata.octets, Metadata::kTlsAlpn, "http/1.1");
  metadata.note_keys();
  std::vector<std::string> elements;
  metadata.for_each(Metadata::kTlsAlpn, [&](std::string_view element) { elements.emplace_back(element); });
  EXPECT_THAT(elements, ::testing::ElementsAre("h2", "http/1.1"));
  metadata.for_each(Metadata::kTlsNames, [](std::string_view) { FAIL(); });
}

TEST_F(MetadataStoreTest, KeepsOctetsOfAnyLength) {
  for (const std::size_t length : {0, 1, 122, 123, 124, 246, 247, 3000}) {
    std::string octets;
    for (std::size_t i = 0; i < length; ++i) octets.push_back(static_cast<char>(i * 7));
    ASSERT_TRUE(store_.append(3, octets));
    EXPECT_EQ(read(3), octets) << length;
    ASSERT_TRUE(store_.append(3, "and more"));
    EXPECT_EQ(read(3), octets + "and more") << length;
    ASSERT_TRUE(store_.replace(3, octets));
    EXPECT_EQ(read(3), octets) << length;
    store_.release(3);
    EXPECT_FALSE(store_.has_any(3));
  }
}

TEST_F(MetadataStoreTest, FlowsDoNotMix) {
  for (int i = 0; i < 10; ++i) {
    store_.append(0, std::string(50, 'a'));
    store_.append(1, std::string(70, 'b'));
  }
  EXPECT_EQ(read(0), std::string(500, 'a'));
  EXPECT_EQ(read(1), std::string(700, 'b'));
}

TEST_F(MetadataStoreTest, WithoutRoomChangesNothingCountsItAndTakesAgainWhatIsReleased) {
  MetadataStore small(4 * kChunk, kFlows, counters_);  // three chunks can be used, because the first one is reserved
  std::string octets;
  for (std::uint32_t flow = 0; flow < 3; ++flow) EXPECT_TRUE(small.append(flow, std::string(100, 'a')));
  EXPECT_FALSE(small.append(3, "b"));
  EXPECT_FALSE(small.has_any(3));
  EXPECT_FALSE(small.replace(0, std::string(124, 'c')));
  small.read(0, octets);
  EXPECT_EQ(octets, std::string(100, 'a'));
  EXPECT_EQ(refused(), 2U);
  EXPECT_TRUE(small.replace(0, std::string(123, 'd')));
  small.release(0);
  EXPECT_TRUE(small.append(3, std::string(123, 'b')));
  EXPECT_EQ(refused(), 2U);
}

// Earlier, flows with long texts could take the whole arena, and the names of all others were lost.
TEST_F(MetadataStoreTest, FlowsWithLongTextsLeaveRoomForShortOnes) {
  constexpr std::size_t kLong = 64;  // chunks; with four chunks for each flow, this is allowed until half are used
  constexpr std::uint32_t kMany = 10'000;
  MetadataStore store(std::uint64_t{4} * kMany * kChunk, kMany, counters_);
  std::uint32_t flow = 0;
  while (store.append(flow, std::string(kLong * 123, 'l'))) ++flow;
  EXPECT_NEAR(flow, 2 * kMany / kLong, 1);
  EXPECT_EQ(refused(), 1U);
  EXPECT_TRUE(store.replace(0, std::string(kLong * 123 - 200, 'l'))) << "what needs no more chunks is never refused";
  EXPECT_FALSE(store.append(1, "x")) << "a long text grows";
  for (; flow < kMany; ++flow) EXPECT_TRUE(store.append(flow, std::string(123, 's'))) << flow;
  EXPECT_TRUE(store.append(flow - 1, std::string(123, 's'))) << "a short text grows";
  for (; flow > 0; --flow) store.release(flow - 1);
  EXPECT_TRUE(store.append(5, std::string(kLong * 123, 'l')));
}

class FindingsTest : public MetadataStoreTest {
 protected:
  Findings& open(std::uint32_t flow) {
    findings_.open(flow);
    return findings_;
  }
  FlowMetadata stored(std::uint32_t flow) const { return {.octets = read(flow)}; }

  Findings findings_{store_};
};

TEST_F(FindingsTest, PutKeepsTheFirstValueAndSetTheLast) {
  open(0).put(Metadata::kHttpMethod, "GET");
  findings_.put(Metadata::kHttpMethod, "POST");
  findings_.set(Metadata::kHttpRequests, 1);
  findings_.close();
  open(0).put(Metadata::kHttpMethod, "PUT");
  findings_.set(Metadata::kHttpRequests, 2);
  findings_.close();
  EXPECT_EQ(stored(0).text(Metadata::kHttpMethod), "GET");
  EXPECT_EQ(stored(0).number(Metadata::kHttpRequests), 2U);
  EXPECT_EQ(stored(1).octets, "");
}

TEST_F(FindingsTest, AnEmptyTextRemovesTheKeyAndNothingElse) {
  open(0).set(Metadata::kDnsOpen, "open");
  findings_.put(Metadata::kDnsQuery, "example.org");
  findings_.set(Metadata::kDnsOpen, "");
  EXPECT_FALSE(findings_.has(Metadata::kDnsOpen));
  findings_.close();
  EXPECT_EQ(read(0), encoded(Metadata::kDnsQuery, "example.org"));
}

TEST_F(FindingsTest, WhatIsNotClosedIsNotStored) {
  open(0).put(Metadata::kHttpMethod, "GET");
  open(1).close();
  EXPECT_FALSE(store_.has_any(0));
  EXPECT_FALSE(store_.has_any(1));
}

}  // namespace
}  // namespace spanflow::testing::metadata_test
