// Reassembles the start of one direction of a TCP connection from TCP segments in any order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "decode/cursor.h"
#include "inspect/client_hello.h"

namespace spanflow {

// Zeroed memory is a valid object. The numbers of octets, TCP segments and holes are limited.
class SegmentBuffer {
 public:
  static constexpr std::size_t kMostOctets = kMostHelloOctets;
  static constexpr std::size_t kMostSegments = 64;
  static constexpr std::size_t kMostRanges = 4;  // ranges of received octets; there is a hole between any two ranges

  // Clears the buffer. `sequence` is the sequence number of the first octet of the stream.
  void start(std::uint32_t sequence);
  // Stores those octets of a TCP segment that fit. Octets that stream() already has stay unchanged. Returns false if
  // the TCP segment exceeds a limit.
  bool add(std::uint32_t sequence, Cursor octets);
  // Returns the octets up to the first hole. They are valid until the next start() or add().
  Cursor stream() const;
  bool full() const { return stream().captured() == kMostOctets; }

 private:
  // Octets from `begin` up to but not including `end`, counted from the first octet of the stream.
  struct Range {
    std::uint32_t begin;
    std::uint32_t end;
  };

  bool insert(Range range);

  std::uint32_t start_;
  std::uint32_t segments_;
  std::uint32_t range_count_;
  std::array<Range, kMostRanges> ranges_;  // in no order; ranges never overlap or adjoin
  std::array<std::uint8_t, kMostOctets> octets_;
};

}  // namespace spanflow
