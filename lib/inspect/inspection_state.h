// The Inspector's state of one flow.
#pragma once

#include <cstdint>

#include "base/directions.h"
#include "spanflow/record.h"

namespace spanflow {

// Every flow has an InspectionState, so the struct is small. What a reader must remember from one packet to the next is
// in a session, which only flows that need one borrow.
struct InspectionState {
  static constexpr std::uint32_t kMostSessions = (1U << 13) - 1;
  std::uint16_t session : 13 = 0;  // index of the borrowed session plus 1; 0: no session
  std::uint16_t settled : 2 = 0;   // one bit per direction: 1 if no reader wants its octets any more
  std::uint16_t unused : 1 = 0;

  bool is_settled(Direction direction) const { return (settled & direction_bit(direction)) != 0; }
  void settle(Direction direction) { settled |= direction_bit(direction); }
  void settle_both() { settled = kBothDirections; }
};
static_assert(sizeof(InspectionState) == 2);

}  // namespace spanflow
