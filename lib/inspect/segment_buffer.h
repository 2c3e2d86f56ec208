// Reassembles the start of one direction of a TCP connection from segments in any order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "decode/cursor.h"
#include "inspect/client_hello.h"

namespace spanflow {

// Usable directly from zeroed memory. Bounds the number of octets, of segments and of holes between them.
class SegmentBuffer {
 public:
  static constexpr std::size_t kMostOctets = kMostHelloOctets;
  static constexpr std::size_t kMostSegments = 64;
  static constexpr std::size_t kMostRanges = 4;  // one at the start, the others after holes

  // Clears the buffer. `sequence` is the sequence number of the first octet.
  void start(std::uint32_t sequence);
  // Stores the octets of the segment, as far as there is room; false if the segment exceeds one of the bounds.
  // Retransmitted octets change nothing.
  bool add(std::uint32_t sequence, Cursor octets);
  // The octets up to the first hole. Valid until start() or add().
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
  std::array<Range, kMostRanges> ranges_;  // unordered; no two overlap or touch
  std::array<std::uint8_t, kMostOctets> octets_;
};

}  // namespace spanflow
