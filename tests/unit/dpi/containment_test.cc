// What keeps a fault of nDPI small.
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "dpi/guarded_octets.h"
#include "dpi/ndpi_activity.h"
#include "dpi/time_budget.h"
#include "support/application_packets.h"
#include "support/flow_harness.h"

namespace spanflow::testing::containment_test {
namespace {

using namespace std::chrono_literals;

constexpr auto kLongerThanATick = 12ms;

TEST(GuardedOctets, KeepTheOctetsAndEndAtTheGuard) {
  GuardedOctets guarded;
  const std::array<std::uint8_t, 5> octets{1, 2, 3, 4, 5};
  const std::uint8_t* copy = guarded.copy(octets);
  EXPECT_TRUE(std::equal(octets.begin(), octets.end(), copy));
  EXPECT_EQ(guarded.copy({octets.data(), 2}), copy + 3);
  EXPECT_DEATH([[maybe_unused]] const std::uint8_t octet = *const_cast<const volatile std::uint8_t*>(copy + 5), "");
}

TEST(TimeBudget, IsExceededByComputing) {
  TimeBudget budget(kLongerThanATick);
  budget.begin();
  const auto end = std::chrono::steady_clock::now() + 3s;
  while (!budget.exceeded() && std::chrono::steady_clock::now() < end) {
  }
  EXPECT_LT(std::chrono::steady_clock::now(), end);
  budget.begin();
  EXPECT_FALSE(budget.exceeded());
}

TEST(TimeBudget, IsNotExceededByWaitingForACpu) {
  TimeBudget budget(kLongerThanATick);
  budget.begin();
  std::this_thread::sleep_for(3 * kLongerThanATick);
  EXPECT_FALSE(budget.exceeded());
}

TEST(TimeBudget, MayBeUnlimited) {
  TimeBudget budget(0ns);
  budget.begin();
  EXPECT_FALSE(budget.exceeded());
}

TEST(NdpiActivity, IsKnownByTheThread) {
  NdpiActivity activity;
  const Packet packet;
  EXPECT_FALSE(NdpiActivity::of_thread(::gettid()).has_value());
  {
    const NdpiActivity::Scope scope(activity, packet.key, &packet);
    const auto work = NdpiActivity::of_thread(::gettid());
    ASSERT_TRUE(work.has_value());
    EXPECT_EQ(work->packet, &packet);
    EXPECT_EQ(work->key, &packet.key);
    std::thread([] { EXPECT_FALSE(NdpiActivity::of_thread(::gettid()).has_value()); }).join();
  }
  EXPECT_FALSE(NdpiActivity::of_thread(::gettid()).has_value());
}

TEST(NdpiActivity, HangsIfItDoesNotEnd) {
  NdpiActivity activity;
  const Packet packet;
  EXPECT_FALSE(NdpiActivity::hanging().has_value());
  const NdpiActivity::Scope scope(activity, packet.key);
  const auto work = NdpiActivity::hanging();
  ASSERT_TRUE(work.has_value());
  EXPECT_EQ(work->key, &packet.key);
  EXPECT_EQ(work->packet, nullptr);
}

TEST(Quarantine, IsForBothDirectionsOfTheFlow) {
  const TestPacket query = PacketBuilder()
                               .ethernet()
                               .ipv4("192.168.7.1", "192.168.7.2")
                               .udp(40000, 53)
                               .payload(dns_query("www.example.test"))
                               .at(1s)
                               .build();
  FlowHarness free({}, {.dpi = true});
  free.add(query);
  const FlowRecord known = free.finish().at(0);
  EXPECT_FALSE(known.application_is_guessed);
  const FlowKey flow = known;
  for (const FlowKey& key : {flow, reversed(flow)}) {
    Config config;
    config.dpi.quarantined = {key};
    FlowHarness flows(config, {.dpi = true});
    flows.add(query);
    const FlowRecord record = flows.finish().at(0);
    EXPECT_TRUE(record.application_is_guessed);
    EXPECT_EQ(flows.counter(Counter::kDpiQuarantined), 1U);
    EXPECT_EQ(flows.counter(Counter::kDpiGivenUp), 1U);
    EXPECT_EQ(flows.counter(Counter::kDpiCalls), 0U);
  }
}

}  // namespace
}  // namespace spanflow::testing::containment_test
