// Tests each rule of FlowTimeouts with a table of cases. Times are in seconds from an arbitrary start.
#include "flow/flow_timeouts.h"

#include <gtest/gtest.h>

#include <vector>

namespace spanflow::testing::flow_timeouts_test {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kStart = 1'700'000'000 * kSecond;

std::uint64_t at(double second) { return kStart + static_cast<std::uint64_t>(second * static_cast<double>(kSecond)); }

// Returns an entry with a packet of the source at `start` and a packet of the destination at `end`.
FlowEntry entry_of(EntryState state, double start, double end) {
  FlowEntry entry;
  entry.state = state;
  entry.sides[0] = {.start_ns = at(start), .end_ns = at(start)};
  entry.sides[1] = {.start_ns = at(end), .end_ns = at(end)};
  return entry;
}

FlowDetails closed_at(double second) {
  FlowDetails details;
  details.set_closed(at(second));
  return details;
}

struct Timeouts {
  Nanoseconds active;
  Nanoseconds inactive;
  Nanoseconds linger;

  FlowTimeouts made() const { return {active, inactive, linger}; }
};

struct DeadlineCase {
  const char* name;
  EntryState state;
  Timeouts timeouts;
  double start;
  double end;
  double closed;  // used only if the state is kClosed
  double deadline;
  EndReason reason;
  bool becomes_dormant;
};

constexpr Timeouts kUsual{.active = 100s, .inactive = 10s, .linger = 2s};
constexpr EntryState kOpen = EntryState::kOpen;
constexpr EntryState kClosed = EntryState::kClosed;
constexpr EntryState kDormant = EntryState::kDormant;

const std::vector<DeadlineCase> kDeadlines = {
    {"one packet", kOpen, kUsual, 0, 0, 0, 10, EndReason::kInactive, false},
    {"packets for a while", kOpen, kUsual, 0, 50, 0, 60, EndReason::kInactive, false},
    {"busy for the active timeout", kOpen, kUsual, 0, 95, 0, 100, EndReason::kActive, true},
    {"both at the same time", kOpen, kUsual, 0, 90, 0, 100, EndReason::kInactive, false},
    {"active below inactive", kOpen, {5s, 10s, 2s}, 0, 0, 0, 5, EndReason::kActive, true},
    {"dormant after a cut", kDormant, kUsual, 0, 95, 0, 105, EndReason::kInactive, false},
    {"dormant and the active timeout is past", kDormant, {5s, 10s, 2s}, 0, 4, 0, 14, EndReason::kInactive, false},
    {"closed by the last packet", kClosed, kUsual, 0, 5, 5, 7, EndReason::kClosed, false},
    {"closed before late packets", kClosed, kUsual, 0, 6, 5, 7, EndReason::kClosed, false},
    {"closed and lingers beyond the active timeout", kClosed, {6s, 10s, 5s}, 0, 3, 3, 6, EndReason::kClosed, false},
    {"closed and lingers beyond the inactive timeout", kClosed, {100s, 4s, 8s}, 0, 3, 3, 7, EndReason::kClosed, false},
    {"closed without a linger", kClosed, {100s, 10s, 0s}, 0, 5, 5, 5, EndReason::kClosed, false},
};

TEST(FlowTimeouts, Deadlines) {
  for (const DeadlineCase& each : kDeadlines) {
    SCOPED_TRACE(each.name);
    const FlowTimeouts::Deadline deadline =
        each.timeouts.made().deadline(entry_of(each.state, each.start, each.end), closed_at(each.closed));
    EXPECT_EQ(deadline.at_ns, at(each.deadline));
    EXPECT_EQ(deadline.reason, each.reason);
    EXPECT_EQ(FlowTimeouts::becomes_dormant(each.state, deadline.reason), each.becomes_dormant);
  }
}

struct PacketCase {
  const char* name;
  EntryState state;
  Timeouts timeouts;
  double start;
  double end;
  double packet;
  bool simply_continues;
  bool is_too_old;
};

constexpr double kBefore = -0.001;

const std::vector<PacketCase> kPackets = {
    {"at the same time", kOpen, kUsual, 0, 5, 5, true, false},
    {"just before the inactive timeout", kOpen, kUsual, 0, 5, 15 + kBefore, true, false},
    {"at the inactive timeout", kOpen, kUsual, 0, 5, 15, false, false},
    {"just before the active timeout", kOpen, kUsual, 0, 95, 100 + kBefore, true, false},
    {"at the active timeout", kOpen, kUsual, 0, 95, 100, false, false},
    {"back in time, by a little", kOpen, kUsual, 0, 5, 4, false, false},
    {"back in time, just below the inactive timeout", kOpen, kUsual, 20, 20, 10 - kBefore, false, false},
    {"back in time, the inactive timeout", kOpen, kUsual, 20, 20, 10, false, true},
    {"back in time, the active timeout", kOpen, {5s, 10s, 2s}, 20, 20, 15, false, true},
    {"in a closed connection", kClosed, kUsual, 0, 5, 6, false, false},
    {"after a cut", kDormant, kUsual, 0, 5, 6, false, false},
};

TEST(FlowTimeouts, Packets) {
  for (const PacketCase& each : kPackets) {
    SCOPED_TRACE(each.name);
    const FlowTimeouts timeouts = each.timeouts.made();
    const FlowEntry entry = entry_of(each.state, each.start, each.end);
    EXPECT_EQ(timeouts.simply_continues(entry, at(each.packet)), each.simply_continues);
    EXPECT_EQ(timeouts.is_too_old(entry, at(each.packet)), each.is_too_old);
  }
}

struct EarlyEndCase {
  EntryState state;
  EndReason cause;
  EndReason reason;
};

const std::vector<EarlyEndCase> kEarlyEnds = {
    {kOpen, EndReason::kEvicted, EndReason::kEvicted},    {kOpen, EndReason::kCaptureEnd, EndReason::kCaptureEnd},
    {kClosed, EndReason::kEvicted, EndReason::kClosed},   {kClosed, EndReason::kCaptureEnd, EndReason::kClosed},
    {kDormant, EndReason::kEvicted, EndReason::kEvicted},
};

TEST(FlowTimeouts, EarlyEnds) {
  for (const EarlyEndCase& each : kEarlyEnds) {
    EXPECT_EQ(FlowTimeouts::early_end(each.state, each.cause), each.reason);
    EXPECT_FALSE(FlowTimeouts::becomes_dormant(each.state, each.reason));
  }
}

TEST(FlowTimeouts, ACloseThatIsTooLongAgoIsStoredAsTheLongestThatCanBe) {
  const FlowEntry entry = entry_of(kOpen, 0, 1'000'000);
  FlowDetails details;
  for (const double closed : {0.0, 900'000.0, 1'000'000.0}) {
    const std::uint64_t stored = FlowTimeouts::close_time(entry, at(closed));
    details.set_closed(stored);
    EXPECT_EQ(details.closed_ns(entry.end_ns()), stored);
    EXPECT_GE(stored, at(closed));
    EXPECT_LE(entry.end_ns() - stored, FlowDetails::kMostSinceClose / 2);
  }
  EXPECT_EQ(FlowTimeouts::close_time(entry, at(1'000'000)), at(1'000'000));
}

}  // namespace
}  // namespace spanflow::testing::flow_timeouts_test
