// Reassembles a part of a stream from segments in any order: of one direction of a TCP connection, or of the CRYPTO
// frames of QUIC.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "decode/cursor.h"
#include "inspect/tls_records.h"

namespace spanflow {

// Zeroed memory is a valid object. The numbers of octets, segments and holes are limited.
class SegmentBuffer {
 public:
  static constexpr std::size_t kMostOctets = kMostMessage;
  static constexpr std::size_t kMostSegments = 64;
  // Ranges of received octets; there is a hole between any two ranges. Chrome sends a hello in up to 20 frames.
  static constexpr std::size_t kMostRanges = 32;

  // Clears the buffer. `sequence` is the sequence number of the first octet of the stream.
  void start(std::uint32_t sequence);
  // Stores those octets of a segment that fit. Octets that stream() already has stay unchanged. Returns false if
  // the segment exceeds a limit.
  bool add(std::uint32_t sequence, Cursor octets);
  // Returns the octets up to the first hole. They are valid until the next start(), add() or drop().
  Cursor stream() const;
  // Removes the first `octets` octets of the stream, which may be more than stream() has. A later add() ignores them.
  void drop(std::uint32_t octets);
  bool empty() const { return range_count_ == 0; }
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
