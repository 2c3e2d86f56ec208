#include "capture/filter.h"

#include <gmock/gmock.h>

#include "base/error.h"
#include "support/packet_builder.h"

namespace spanflow::testing::filter_test {
namespace {

bool matches(const std::string& expression, const TestPacket& packet) {
  return Filter(expression, packet.link_type, "input.filter").matches(packet.raw());
}

TEST(Filter, MatchesWhatTheExpressionSays) {
  const TestPacket packet = PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.2").tcp(1234, 80).build();
  EXPECT_TRUE(matches("tcp port 80", packet));
  EXPECT_TRUE(matches("src host 10.0.0.1 and not udp", packet));
  EXPECT_FALSE(matches("udp", packet));
  EXPECT_FALSE(matches("dst port 1234", packet));
  EXPECT_TRUE(matches("", packet));
}

TEST(Filter, IsCompiledForTheLinkType) {
  const auto over = [](PacketBuilder link) { return link.ipv4("10.0.0.1", "10.0.0.2").udp(1, 53).build(); };
  for (const PacketBuilder& link :
       {PacketBuilder().ethernet(), PacketBuilder().raw_ip(), PacketBuilder().null_link(), PacketBuilder().loop_link(),
        PacketBuilder().linux_cooked(), PacketBuilder().linux_cooked2(), PacketBuilder().ppp(PppForm::kHdlc)}) {
    EXPECT_TRUE(matches("udp port 53", over(link)));
    EXPECT_FALSE(matches("udp port 54", over(link)));
  }
}

TEST(Filter, LengthsAreThoseOnTheWire) {
  const TestPacket packet =
      PacketBuilder().ethernet().ipv4("1.1.1.1", "2.2.2.2").udp(1, 2).payload(500).snap(60).build();
  EXPECT_TRUE(matches("greater 542", packet));
  EXPECT_FALSE(matches("greater 543", packet));
}

TEST(Filter, SaysWhatIsWrongWithAnExpression) {
  EXPECT_EQ(filter_error("tcp port 80"), "");
  EXPECT_NE(filter_error("tcp prot 80"), "");
}

TEST(Filter, AnExpressionWithoutMeaningOnTheLinkIsAnError) {
  EXPECT_THROW(Filter("ether host 02:00:00:00:00:01", LinkType::kRawIp, "input.filter"), RunError);
}

}  // namespace
}  // namespace spanflow::testing::filter_test
