// Tests Community ID version 1. The expected ids are those of baseline/baseline_deflt.json and baseline_seed1.json in
// https://github.com/corelight/community-id-spec. Comments name the sources of other ids.
#include "metrics/community_id.h"

#include <gtest/gtest.h>

#include "sinks/field_selection.h"
#include "sinks/record_text.h"
#include "support/decoding.h"
#include "support/flow_harness.h"

namespace spanflow::testing::community_id_test {
namespace {

std::string id_of(const PacketBuilder& builder, std::uint16_t seed = 0) {
  const Decoded decoded = decode(builder);
  EXPECT_EQ(decoded.outcome, Counter::kPacketsMetered);
  const Packet& packet = decoded.packet;
  return std::string(community_id(packet.key, packet.icmp_type, packet.icmp_code, seed).view());
}

PacketBuilder ip(std::string_view source, std::string_view destination) {
  PacketBuilder builder;
  return source.find(':') == std::string_view::npos ? builder.ipv4(source, destination)
                                                    : builder.ipv6(source, destination);
}

void expect_ids(const PacketBuilder& packet, const std::string& with_seed_0, const std::string& with_seed_1) {
  EXPECT_EQ(id_of(packet), with_seed_0);
  EXPECT_EQ(id_of(packet, 1), with_seed_1);
}

TEST(CommunityId, OfTcpIsTheSameBothWays) {
  const char* const kClient = "128.232.110.120";
  const char* const kServer = "66.35.250.204";
  expect_ids(ip(kClient, kServer).tcp(34855, 80), "1:LQU9qZlK+B5F3KDmev6m5PMibrg=", "1:3V71V58M3Ksw/yuFALMcW0LAHvc=");
  expect_ids(ip(kServer, kClient).tcp(80, 34855), "1:LQU9qZlK+B5F3KDmev6m5PMibrg=", "1:3V71V58M3Ksw/yuFALMcW0LAHvc=");
}

TEST(CommunityId, OfTcpOverIpv6IsTheSameBothWays) {
  const char* const kClient = "2001:470:e5bf:dead:4957:2174:e82c:4887";
  const char* const kServer = "2607:f8b0:400c:c03::1a";
  expect_ids(ip(kClient, kServer).tcp(63943, 25), "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=", "1:eJYTW6AOzFLlSUoESovMjnu7rMw=");
  expect_ids(ip(kServer, kClient).tcp(25, 63943), "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=", "1:eJYTW6AOzFLlSUoESovMjnu7rMw=");
}

TEST(CommunityId, OfUdpIsTheSameBothWays) {
  const char* const kClient = "192.168.1.52";
  const char* const kServer = "8.8.8.8";
  expect_ids(ip(kClient, kServer).udp(54585, 53), "1:d/FP5EW3wiY1vCndhwleRRKHowQ=", "1:Q9We8WO3piVF8yEQBNJF4uiSVrI=");
  expect_ids(ip(kServer, kClient).udp(53, 54585), "1:d/FP5EW3wiY1vCndhwleRRKHowQ=", "1:Q9We8WO3piVF8yEQBNJF4uiSVrI=");
}

TEST(CommunityId, OfSctpIsTheSameBothWays) {
  const char* const kOne = "192.168.170.8";
  const char* const kOther = "192.168.170.56";
  expect_ids(ip(kOne, kOther).sctp(7, 7), "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs=", "1:5w3ZRjeKBzqT3zsaEECDGjUbYeg=");
  expect_ids(ip(kOther, kOne).sctp(7, 7), "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs=", "1:5w3ZRjeKBzqT3zsaEECDGjUbYeg=");
  // Source: tests/communityid_test.py of https://github.com/corelight/pycommunityid
  expect_ids(ip(kOne, kOther).sctp(7, 80), "1:jQgCxbku+pNGw8WPbEc/TS/uTpQ=", "1:Y1/0jQg6e+I3ZwZZ9LP65DNbTXU=");
  expect_ids(ip(kOther, kOne).sctp(80, 7), "1:jQgCxbku+pNGw8WPbEc/TS/uTpQ=", "1:Y1/0jQg6e+I3ZwZZ9LP65DNbTXU=");
}

// RSVP has no ports, so the first octets of its header must not be used as ports.
TEST(CommunityId, OfAProtocolWithoutPortsIsOfTheAddresses) {
  const auto rsvp = [](const char* source, const char* destination) {
    return ip(source, destination).ip_protocol(46).payload(16);
  };
  expect_ids(rsvp("10.1.12.1", "10.1.12.2"), "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw=", "1:rYir8gphR31noO9iDRQmF/BteEI=");
  expect_ids(rsvp("10.1.12.2", "10.1.12.1"), "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw=", "1:rYir8gphR31noO9iDRQmF/BteEI=");
}

TEST(CommunityId, OfAnIcmpRequestIsThatOfItsReply) {
  const char* const kClient = "192.168.0.89";
  const char* const kServer = "192.168.0.1";
  expect_ids(ip(kClient, kServer).icmp(8, 0), "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=", "1:03g6IloqVBdcZlPyX8r0hgoE7kA=");
  expect_ids(ip(kServer, kClient).icmp(0, 0), "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=", "1:03g6IloqVBdcZlPyX8r0hgoE7kA=");
  // Source: tests/communityid_test.py of pycommunityid. The code of an echo reply does not matter.
  expect_ids(ip(kServer, kClient).icmp(0, 20), "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=", "1:03g6IloqVBdcZlPyX8r0hgoE7kA=");
}

TEST(CommunityId, OfAnIcmpMessageWithoutReplyIsOfItsTypeAndCode) {
  expect_ids(ip("10.0.0.1", "10.0.0.2").icmp(11, 0),
             "1:YHxtAirCG//0OzkcVAukqKQN9xM=", "1:XjUibYHaafLQ3pxQeiMI8g25q20=");
  // Source: tests/communityid_test.py of pycommunityid
  expect_ids(ip("192.168.0.89", "192.168.0.1").icmp(20, 0),
             "1:3o2RFccXzUgjl7zDpqmY7yJi8rI=", "1:lCXHHxavE1Vq3oX9NH5ladQg02o=");
  expect_ids(ip("192.168.0.89", "192.168.0.1").icmp(20, 1),
             "1:tz/fHIDUHs19NkixVVoOZywde+I=", "1:Ie3wmFyxiEyikbsbcO03d2nh+PM=");
}

TEST(CommunityId, OfAnIcmpv6RequestIsThatOfItsReply) {
  const char* const kOne = "fe80::200:86ff:fe05:80da";
  const char* const kOther = "fe80::260:97ff:fe07:69ea";
  expect_ids(ip(kOne, kOther).icmpv6(135, 0), "1:dGHyGvjMfljg6Bppwm3bg0LO8TY=", "1:kHa1FhMYIT6Ym2Vm2AOtoOARDzY=");
  expect_ids(ip(kOther, kOne).icmpv6(136, 0), "1:dGHyGvjMfljg6Bppwm3bg0LO8TY=", "1:kHa1FhMYIT6Ym2Vm2AOtoOARDzY=");
  expect_ids(ip(kOther, kOne).icmpv6(135, 0), "1:zavyT/cezQr1fmImYCwYnMXbgck=", "1:2hSqmsDZ2kdcY9kbiUzOEBic0iM=");
  expect_ids(ip(kOne, kOther).icmpv6(136, 0), "1:zavyT/cezQr1fmImYCwYnMXbgck=", "1:2hSqmsDZ2kdcY9kbiUzOEBic0iM=");
  const char* const kClient = "3ffe:507:0:1:200:86ff:fe05:80da";
  const char* const kServer = "3ffe:501:0:1001::2";
  expect_ids(ip(kClient, kServer).icmpv6(128, 0), "1:+TW+HtLHvV1xnGhV1lv7XoJrqQg=", "1:GfZxjAkDk2MkegpBYHV6tadtFXQ=");
  expect_ids(ip(kServer, kClient).icmpv6(129, 0), "1:+TW+HtLHvV1xnGhV1lv7XoJrqQg=", "1:GfZxjAkDk2MkegpBYHV6tadtFXQ=");
  expect_ids(ip(kOne, "ff02::2").icmpv6(133, 0), "1:hO+sN4H+MG5MY/8hIrXPqc4ZQz0=", "1:L7Ka0ZMYu+J3bL4ulW2PrqyXNo8=");
  expect_ids(ip(kOther, "ff02::1").icmpv6(134, 0), "1:pkvHqCL88/tg1k4cPigmZXUtL00=", "1:K/ee5UCqAMAQXDorP5nSa2CGLjc=");
}

TEST(CommunityId, OfAnIcmpv6MessageWithoutReplyIsOfItsTypeAndCode) {
  expect_ids(ip("3ffe:501:1800:2345::2", "3ffe:507:0:1:200:86ff:fe05:80da").icmpv6(3, 0),
             "1:2ObVBgIn28oZvibYZhZMBgh7WdQ=", "1:lVEtCZpYu84Xqaa++3lXFyuu2n4=");
  expect_ids(ip("3ffe:501:410:0:2c0:dfff:fe47:33e", "3ffe:507:0:1:200:86ff:fe05:80da").icmpv6(1, 4),
             "1:hLZd0XGWojozrvxqE0dWB1iM6R0=", "1:W8MHwXpWzpoSTD+cGcaJr4u0ys8=");
}

// README of the specification: if both addresses are equal, the ports decide which end comes first.
TEST(CommunityId, BetweenTwoPortsOfOneAddressIsTheSameBothWays) {
  EXPECT_EQ(id_of(ip("127.0.0.1", "127.0.0.1").tcp(1234, 80)), id_of(ip("127.0.0.1", "127.0.0.1").tcp(80, 1234)));
  EXPECT_NE(id_of(ip("127.0.0.1", "127.0.0.1").tcp(1234, 80)), id_of(ip("127.0.0.1", "127.0.0.1").tcp(1234, 81)));
}

TEST(CommunityId, OfATunnelledFlowIsThatOfTheInnerFlow) {
  const PacketBuilder plain = ip("128.232.110.120", "66.35.250.204").tcp(34855, 80);
  EXPECT_EQ(id_of(ip("10.0.0.1", "10.0.0.2").gre().ipv4("128.232.110.120", "66.35.250.204").tcp(34855, 80)),
            id_of(plain));
}

std::string in_json(const FlowRecord& record) {
  TextBuffer out;
  append_json(TextWriter(out), record, select_fields(std::vector<std::string>{"community_id"}, Config{})).finish();
  return std::string(out.view());
}

TEST(CommunityId, IsAFieldWithTheConfiguredSeed) {
  Config config;
  config.output.community_id_seed = 1;
  FlowHarness flows{config};
  flows.add(ip("66.35.250.204", "128.232.110.120").tcp(80, 34855).build());
  flows.add(ip("128.232.110.120", "66.35.250.204").tcp(34855, 80).build());
  const auto records = flows.finish();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(in_json(records[0]), R"({"community_id":"1:3V71V58M3Ksw/yuFALMcW0LAHvc="})");
}

// The ICMP type and code of a flow are those of its first packet.
TEST(CommunityId, OfAPingIsThatOfItsRequest) {
  FlowHarness flows;
  flows.add(ip("192.168.0.89", "192.168.0.1").icmp(8, 0).build());
  flows.add(ip("192.168.0.1", "192.168.0.89").icmp(0, 0).build());
  const auto records = flows.finish();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(in_json(records[0]), R"({"community_id":"1:X0snYXpgwiv9TZtqg64sgzUn6Dk="})");
}

}  // namespace
}  // namespace spanflow::testing::community_id_test
