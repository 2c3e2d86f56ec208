// Tests IPFIX messages octet by octet.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "sinks/field_selection.h"
#include "sinks/ipfix_messages.h"

namespace spanflow::testing::ipfix_test {
namespace {

std::string hex(std::string_view octets) {
  return fmt::format("{:02x}", fmt::join(std::vector<std::uint8_t>(octets.begin(), octets.end()), ""));
}

std::vector<const Field*> fields_named(const std::vector<std::string>& names) { return select_fields(names, Config{}); }

template <typename Value>
std::string encoded(const Value& value, std::string_view element, unsigned ip_version = 4) {
  TextBuffer out;
  append_ipfix(TextWriter(out), value, ipfix_element(element, ip_version).value()).finish();
  return hex(out.view());
}

FlowRecord udp_flow(std::uint8_t last_octet) {
  FlowRecord record;
  record.ip_version = 4;
  record.ip_src.bytes = {10, 0, 0, last_octet};
  record.ip_protocol = 17;
  record.src_port = 53;
  record.has_application = true;
  record.application_name = "DNS";
  record.category_name = "Network";
  return record;
}

TEST(Ipfix, NumbersAreInNetworkByteOrderAndStopAtTheirGreatest) {
  EXPECT_EQ(encoded(std::uint64_t{443}, "sourceTransportPort"), "01bb");
  EXPECT_EQ(encoded(std::uint64_t{0x0102030405060708}, "octetDeltaCount"), "0102030405060708");
  EXPECT_EQ(encoded(std::uint64_t{70'000}, "vlanId"), "ffff");
  EXPECT_EQ(encoded(HexValue{0xabc}, "flowId"), "0000000000000abc");
}

TEST(Ipfix, TextsStandBehindTheirLength) {
  EXPECT_EQ(encoded(std::string_view{"DNS"}, "applicationName"), "03444e53");
  EXPECT_EQ(encoded(std::string_view{}, "applicationName"), "00");
  const std::string longer(255, 'a');
  EXPECT_EQ(encoded(std::string_view{longer}, "applicationName").substr(0, 8), "ff00ff61");
}

// The first time is 2024-01-01T00:00:00.5Z. The Unix epoch is 2,208,988,800 s after the NTP epoch.
TEST(Ipfix, NanosecondsAreNtpTime) {
  EXPECT_EQ(encoded(std::uint64_t{1'704'067'200'500'000'000}, "flowStartNanoseconds"), "e93c7f0080000000");
  EXPECT_EQ(encoded(std::uint64_t{1'704'067'200'000'000'001}, "flowStartNanoseconds"), "e93c7f0000000005");
  EXPECT_EQ(encoded(std::uint64_t{0}, "flowStartNanoseconds"), "0000000000000000");
}

TEST(Ipfix, WhatIsMissingIsZeroOrEmpty) {
  EXPECT_EQ(encoded(std::optional<std::uint64_t>{}, "tcpControlBits"), "0000");
  EXPECT_EQ(encoded(std::optional<std::string_view>{}, "httpUserAgent"), "00");
}

TEST(Ipfix, ReverseElementsAreThoseOfRfc5103) {
  const IpfixElement element = ipfix_element("reverseOctetDeltaCount", 4).value();
  EXPECT_EQ(element.id, 1);
  EXPECT_EQ(element.enterprise, 29'305U);
}

TEST(Ipfix, FlowsOfIpv6HaveTheElementsOfIpv6) {
  EXPECT_EQ(ipfix_element("sourceIPv4Address", 6)->id, 27);
  EXPECT_EQ(ipfix_element("sourceIPv4Address", 6)->octets, 16);
  EXPECT_EQ(ipfix_element("icmpCodeIPv4", 6)->id, 179);
  EXPECT_EQ(ipfix_element("packetDeltaCount", 6)->id, 2);
}

TEST(Ipfix, EveryElementThatAFieldNamesIsKnownAndCanBeWritten) {
  std::set<std::pair<std::uint32_t, std::uint16_t>> seen;
  for (const Field& field : fields()) {
    for (const unsigned version : {4U, 6U}) {
      const auto element = ipfix_element(field.ipfix, version);
      if (!element) continue;
      EXPECT_NE(field.ipfix_value, nullptr) << field.name;
      if (version == 4) {
        EXPECT_TRUE(seen.emplace(element->enterprise, element->id).second) << field.name << " again";
      }
    }
  }
  EXPECT_GT(seen.size(), 40U);
}

TEST(Ipfix, TemplatesSayWhatARecordHas) {
  const IpfixPacker packer(fields_named({"src_port", "src_to_dst_pkts", "dst_to_src_pkts", "application_name"}), 7,
                           1400);
  const IpfixMessage message = packer.definitions();
  const std::string columns =
      "0007"
      "0002"
      "0002"
      "0008"
      "8002"
      "0008"
      "00007279"
      "0060"
      "ffff";
  EXPECT_EQ(hex(message.octets),
            "000a0044"
            "00000000"
            "00000000"
            "00000007"
            "00020034"
            "01000004" +
                columns + "01010004" + columns);
  EXPECT_EQ(message.data_records, 0U);
}

TEST(Ipfix, RecordsOfOneVersionShareASet) {
  IpfixPacker packer(fields_named({"ip_src", "src_port"}), 7, 1400);
  FlowRecord ipv6 = udp_flow(0);
  ipv6.ip_version = 6;
  packer.add(udp_flow(1));
  packer.add(udp_flow(2));
  packer.add(ipv6);
  std::deque<IpfixMessage> messages = packer.take();
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_EQ(messages[0].data_records, 3U);
  messages[0].stamp(0x65920080, 41);
  EXPECT_EQ(hex(messages[0].octets),
            "000a0036"
            "65920080"
            "00000029"
            "00000007"
            "01000010"
            "0a000001"
            "0035"
            "0a000002"
            "0035"
            "01010016"
            "0a000000000000000000000000000000"
            "0035");
  EXPECT_TRUE(packer.take().empty());
}

TEST(Ipfix, AMessageIsNotLongerThanItMayBe) {
  IpfixPacker packer(fields_named({"ip_src", "src_port"}), 0, 16 + 4 + 3 * 6);
  for (std::uint8_t i = 0; i < 10; ++i) packer.add(udp_flow(i));
  const std::deque<IpfixMessage> messages = packer.take();
  ASSERT_EQ(messages.size(), 4U);
  EXPECT_EQ(messages[0].octets.size(), 38U);
  EXPECT_EQ(messages[0].data_records, 3U);
  EXPECT_EQ(messages[3].data_records, 1U);
}

// The length of a message has 16 bits.
TEST(Ipfix, AllTextsOfARecordFitIntoAMessage) {
  std::vector<const Field*> all;
  for (const Field& field : fields()) all.push_back(&field);
  for (const std::size_t octets : {1, 300, 8192}) {
    FlowExtras extras;
    for (unsigned key = 0; key <= static_cast<unsigned>(Metadata::kRiskScore); ++key) {
      for (std::size_t sum = 0; sum < 8192; sum += octets) {
        put(extras.metadata.octets, static_cast<Metadata>(key), std::string(octets, 'x'));
      }
    }
    FlowRecord record = udp_flow(1);
    record.extras = ExtrasView(extras);
    IpfixPacker packer(all, 0, 1400);
    packer.add(record);
    const std::deque<IpfixMessage> messages = packer.take();
    ASSERT_EQ(messages.size(), 1U);
    EXPECT_LE(messages[0].octets.size(), 65'535U);
    EXPECT_GT(messages[0].octets.size(), 5'000U);
  }
}

TEST(Ipfix, ARecordLongerThanAMessageHasOneOfItsOwn) {
  IpfixPacker packer(fields_named({"ip_src", "application_name"}), 0, 30);
  packer.add(udp_flow(1));
  packer.add(udp_flow(2));
  EXPECT_EQ(packer.take().size(), 2U);
}

}  // namespace
}  // namespace spanflow::testing::ipfix_test
