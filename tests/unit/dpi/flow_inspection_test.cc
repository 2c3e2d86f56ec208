// Tests that each of the three states of a FlowInspection keeps its values. The states share the same 8 octets.
#include "dpi/flow_inspection.h"

#include <gtest/gtest.h>

namespace spanflow::testing::flow_inspection_test {
namespace {

TEST(FlowInspection, BeginsWithAnEmptyHandshake) {
  const FlowInspection inspection;
  EXPECT_EQ(inspection.progress(), DpiProgress::kNotStarted);
  EXPECT_EQ(inspection.handshake().count, 0);
  EXPECT_EQ(inspection.handshake().sequences_known, 0);
}

TEST(FlowInspection, AFullHandshakeHasNotStarted) {
  FlowInspection inspection;
  inspection.handshake().count = Handshake::kMost;
  inspection.handshake().sequences_known = kBothDirections;
  for (std::uint8_t& packet : inspection.handshake().packets) packet = 0xff;
  EXPECT_EQ(inspection.progress(), DpiProgress::kNotStarted);
  EXPECT_EQ(inspection.handshake().count, Handshake::kMost);
  EXPECT_EQ(inspection.handshake().sequences_known, kBothDirections);
}

TEST(FlowInspection, ARunningOneKnowsItsState) {
  FlowInspection inspection;
  for (const std::uint32_t state : {0U, 1U, FlowInspection::kMostStates - 1}) {
    inspection.start(state);
    EXPECT_EQ(inspection.progress(), DpiProgress::kRunning);
    EXPECT_EQ(inspection.state(), state);
  }
}

TEST(FlowInspection, ADoneOneKnowsItsVerdict) {
  FlowInspection inspection;
  for (const std::uint32_t label : {0U, 1U, FlowInspection::kMostLabels - 1}) {
    for (const bool guessed : {false, true}) {
      inspection.conclude({.label = label,
                           .confidence = FlowInspection::kMostConfidences - 1,
                           .guessed = guessed,
                           .cut_short = !guessed});
      EXPECT_EQ(inspection.progress(), DpiProgress::kDone);
      EXPECT_EQ(inspection.verdict().label, label);
      EXPECT_EQ(inspection.verdict().confidence, FlowInspection::kMostConfidences - 1);
      EXPECT_EQ(inspection.verdict().guessed, guessed);
      EXPECT_EQ(inspection.verdict().cut_short, !guessed);
    }
  }
}

}  // namespace
}  // namespace spanflow::testing::flow_inspection_test
