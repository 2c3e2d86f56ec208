// Reassembles the start of one direction of a TCP connection from segments in any order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "decode/cursor.h"
#include "inspect/client_hello.h"

namespace spanflow {

// Zeroed memory is a valid object. The numbers of octets, segments and holes are limited.
class SegmentBuffer {
 public:
  static constexpr std::size_t kMostOctets = kMostHelloOctets;
  static constexpr std::size_t kMostSegments = 64;
  static constexpr std::size_t kMostRanges = 4;  // one range at the start, each other one after a hole

  // Clears the buffer. `sequence` is the sequence number of the first octet.
  void start(std::uint32_t sequence);
  // Stores the octets of the segment, as far as they fit. False if the segment exceeds a limit. Retransmitted octets
  // change nothing.
  bool add(std::uint32_t sequence, Cursor octets);
  // Returns the octets up to the first hole. They are valid until start() or add().
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
  std::array<Range, kMostRanges> ranges_;  // unordered; the ranges never overlap or adjoin
  std::array<std::uint8_t, kMostOctets> octets_;
};

}  // namespace spanflow
