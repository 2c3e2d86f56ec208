// Tests RSS in software with the vectors of "Verifying the RSS Hash Calculation" (Microsoft).
#include "capture/rss.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <rte_ethdev.h>

#include <string>

namespace spanflow::testing::rss_test {
namespace {

using Octets = std::vector<std::uint8_t>;

const Octets kMicrosoftKey{0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
                           0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
                           0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};

void append_address(Octets& octets, const std::string& text) {
  const bool v6 = text.find(':') != std::string::npos;
  const std::size_t at = octets.size();
  octets.resize(at + (v6 ? 16 : 4));
  ASSERT_EQ(inet_pton(v6 ? AF_INET6 : AF_INET, text.c_str(), &octets[at]), 1);
}

Octets pair(const std::string& source, const std::string& destination) {
  Octets octets;
  append_address(octets, source);
  append_address(octets, destination);
  return octets;
}

Octets with_ports(Octets octets, std::uint16_t source, std::uint16_t destination) {
  for (const std::uint16_t port : {source, destination}) {
    octets.push_back(static_cast<std::uint8_t>(port >> 8));
    octets.push_back(static_cast<std::uint8_t>(port));
  }
  return octets;
}

struct Vector {
  const char* destination;
  std::uint16_t destination_port;
  const char* source;
  std::uint16_t source_port;
  std::uint32_t addresses_hash;
  std::uint32_t ports_hash;
};

constexpr Vector kVectors[] = {
    {"161.142.100.80", 1766, "66.9.149.187", 2794, 0x323e8fc2, 0x51ccc178},
    {"65.69.140.83", 4739, "199.92.111.2", 14230, 0xd718262a, 0xc626b0ea},
    {"12.22.207.184", 38024, "24.19.198.95", 12898, 0xd2d0a5de, 0x5c2b394a},
    {"209.142.163.6", 2217, "38.27.205.30", 48228, 0x82989176, 0xafc7327f},
    {"202.188.127.2", 1303, "153.39.163.191", 44251, 0x5d1809c5, 0x10e828a2},
    {"3ffe:2501:200:3::1", 1766, "3ffe:2501:200:1fff::7", 2794, 0x2cc18cd5, 0x40207d3d},
    {"ff02::1", 4739, "3ffe:501:8::260:97ff:fe40:efab", 14230, 0x0f0c461c, 0xdde51bbf},
    {"fe80::200:f8ff:fe21:67cf", 38024, "3ffe:1900:4545:3:200:f8ff:fe21:67cf", 44251, 0x4b61e985, 0x02d1feef},
};

TEST(RssTest, HashesAreThoseOfTheVerificationSuite) {
  for (const Vector& vector : kVectors) {
    const Octets addresses = pair(vector.source, vector.destination);
    EXPECT_EQ(toeplitz_hash(addresses, kMicrosoftKey), vector.addresses_hash) << vector.source;
    EXPECT_EQ(toeplitz_hash(with_ports(addresses, vector.source_port, vector.destination_port), kMicrosoftKey),
              vector.ports_hash)
        << vector.source;
  }
}

TEST(RssTest, TheSymmetricKeyBringsBothDirectionsTogether) {
  for (const std::size_t octets : {40, 52}) {
    const Octets key = symmetric_rss_key(octets);
    EXPECT_EQ(key.size(), octets);
    for (const Vector& vector : kVectors) {
      EXPECT_EQ(toeplitz_hash(pair(vector.source, vector.destination), key),
                toeplitz_hash(pair(vector.destination, vector.source), key));
    }
    EXPECT_TRUE((RssLayout{.key = key, .queues = {}}).directions_meet());
    EXPECT_TRUE((RssLayout{.key = key, .queues = {0, 1, 2, 3, 0, 1, 2, 3}}).directions_meet());
  }
}

// Regression: directions_meet() tried pairs of two equal addresses, so both directions met with any key.
TEST(RssTest, AnyOtherKeyIsFoundOut) {
  EXPECT_FALSE((RssLayout{.key = kMicrosoftKey, .queues = {}}).directions_meet());
  EXPECT_FALSE((RssLayout{.key = kMicrosoftKey, .queues = {0, 1}}).directions_meet());
  Octets damaged = symmetric_rss_key(40);
  damaged[33] = 0;  // only the hash of IPv6 addresses uses this octet of the key
  EXPECT_FALSE((RssLayout{.key = damaged, .queues = {0, 1, 2, 3}}).directions_meet());
}

TEST(RssTest, AKeyTooShortForIpv6DoesNotPass) {
  EXPECT_FALSE((RssLayout{.key = symmetric_rss_key(16), .queues = {}}).directions_meet());
  EXPECT_FALSE((RssLayout{.key = {}, .queues = {}}).directions_meet());
}

TEST(RssTest, TheRedirectionTableSaysTheQueue) {
  const RssLayout layout{.key = kMicrosoftKey, .queues = {7, 5, 3, 1}};
  EXPECT_EQ(layout.queue_of(pair("66.9.149.187", "161.142.100.80")), 3U);   // the hash is 0x323e8fc2
  EXPECT_EQ(layout.queue_of(pair("153.39.163.191", "202.188.127.2")), 5U);  // the hash is 0x5d1809c5
}

TEST(RssTest, AQueueThatTheRedirectionTableLeavesOutIsFound) {
  const RssLayout layout{.key = symmetric_rss_key(40), .queues = {0, 2, 1, 0}};
  EXPECT_TRUE(layout.uses_all(3));
  EXPECT_FALSE(layout.uses_all(4));
  EXPECT_TRUE((RssLayout{.key = {}, .queues = {}}).uses_all(4));
}

TEST(RssTest, PortsAreHashedOnlyWhereIpPacketsAreNotKnownAsSuch) {
  EXPECT_EQ(rss_types(RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_IPV6 | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP),
            RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_IPV6);
  EXPECT_EQ(rss_types(RTE_ETH_RSS_FRAG_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_ETH),
            RTE_ETH_RSS_FRAG_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_TCP);
  EXPECT_EQ(rss_types(RTE_ETH_RSS_ETH), 0U);
}

}  // namespace
}  // namespace spanflow::testing::rss_test
