// The state of the search for a TLS ClientHello in one flow.
#pragma once

#include <cstdint>

#include "base/directions.h"
#include "spanflow/record.h"

namespace spanflow {

// The ClientHelloWatcher needs a HelloWatch for every flow, so the struct is small.
struct HelloWatch {
  static constexpr std::uint32_t kMostBuffers = (1U << 13) - 1;
  std::uint16_t buffer : 13 = 0;   // index of the borrowed buffer plus 1; 0: no buffer
  std::uint16_t settled : 2 = 0;   // one bit per direction: 1 if the search in this direction is over
  std::uint16_t buffered : 1 = 0;  // the Direction whose octets are in the buffer

  bool is_settled(Direction direction) const { return (settled & direction_bit(direction)) != 0; }
  bool done() const { return settled == kBothDirections; }
  void give_up() { settled = kBothDirections; }
};
static_assert(sizeof(HelloWatch) == 2);

}  // namespace spanflow
