// The start of one direction of a TCP connection, put together from segments in any order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "decode/cursor.h"
#include "inspect/client_hello.h"

namespace spanflow {

// May be used straight from zeroed memory. Bounded in octets, in segments and in the holes between them.
class SegmentBuffer {
 public:
  static constexpr std::size_t kMostOctets = kMostHelloOctets;
  static constexpr std::size_t kMostSegments = 64;
  static constexpr std::size_t kMostRanges = 4;  // the octets from the start, and islands behind holes

  // Empties it; `sequence` is the sequence number of the first octet.
  void start(std::uint32_t sequence);
  // Keeps the octets of the segment, as far as there is room; false if the segment is beyond one of the bounds. Octets
  // that are there already, a retransmission's, change nothing.
  bool add(std::uint32_t sequence, Cursor octets);
  // The octets from the start on, up to the first hole. Valid until start() or add().
  Cursor stream() const;
  bool full() const { return stream().captured() == kMostOctets; }

 private:
  struct Range {
    std::uint32_t begin;
    std::uint32_t end;
  };

  bool insert(Range range);

  std::uint32_t start_;
  std::uint32_t segments_;
  std::uint32_t range_count_;
  std::array<Range, kMostRanges> ranges_;  // neither overlap nor touch; in no order
  std::array<std::uint8_t, kMostOctets> octets_;
};

}  // namespace spanflow
