// Tests the store of metadata, and the encoding of metadata.
#include "dpi/metadata.h"

#include <gmock/gmock.h>

namespace spanflow::testing::metadata_test {
namespace {

constexpr std::uint64_t kChunk = 128;

std::string encoded(Metadata key, std::string_view text) {
  std::string octets;
  put(octets, key, text);
  return octets;
}

std::string read(const MetadataStore& store, std::uint32_t chain) {
  std::string octets = "what was there before";
  store.read(chain, octets);
  return octets;
}

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
  EXPECT_EQ(metadata.keys, 1U << 26 | 1U << 0);
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
  put(metadata.octets, Metadata::kHttpUrl, std::string(5000, 'u'));
  EXPECT_EQ(metadata.text(Metadata::kHttpUrl), std::string(1024, 'u'));
}

TEST(MetadataStore, KeepsOctetsOfAnyLengthInParts) {
  MetadataStore store(100 * kChunk);
  for (const std::size_t length : {0, 1, 122, 123, 124, 246, 247, 3000}) {
    std::string octets;
    for (std::size_t i = 0; i < length; ++i) octets.push_back(static_cast<char>(i * 7));
    std::uint32_t chain = MetadataStore::kNone;
    ASSERT_TRUE(store.append(chain, octets));
    EXPECT_EQ(read(store, chain), octets) << length;
    ASSERT_TRUE(store.append(chain, "and more"));
    EXPECT_EQ(read(store, chain), octets + "and more") << length;
    store.release(chain);
    EXPECT_EQ(chain, MetadataStore::kNone);
  }
}

TEST(MetadataStore, ChainsDoNotMix) {
  MetadataStore store(100 * kChunk);
  std::uint32_t one = MetadataStore::kNone;
  std::uint32_t other = MetadataStore::kNone;
  for (int i = 0; i < 10; ++i) {
    store.append(one, std::string(50, 'a'));
    store.append(other, std::string(70, 'b'));
  }
  EXPECT_EQ(read(store, one), std::string(500, 'a'));
  EXPECT_EQ(read(store, other), std::string(700, 'b'));
}

TEST(MetadataStore, WithoutRoomAddsNothingAndTakesAgainWhatIsReleased) {
  MetadataStore store(4 * kChunk);  // three chunks can be used, because the first chunk is reserved
  std::uint32_t first = MetadataStore::kNone;
  std::uint32_t second = MetadataStore::kNone;
  EXPECT_TRUE(store.append(first, std::string(246, 'a')));
  EXPECT_FALSE(store.append(second, std::string(124, 'b')));
  EXPECT_EQ(second, MetadataStore::kNone);
  EXPECT_EQ(read(store, first), std::string(246, 'a'));
  store.release(first);
  EXPECT_TRUE(store.append(second, std::string(246, 'b')));
  EXPECT_EQ(read(store, second), std::string(246, 'b'));
}

}  // namespace
}  // namespace spanflow::testing::metadata_test
