// Code of the embedding program that follows each segment from its first packet to its end, such as the plug-ins of the
// Python package.
#pragma once

#include <cstdint>

#include "spanflow/record.h"

namespace spanflow {

// Reads the values of an open segment that its Flow does not have.
class SegmentReader {
 public:
  // Fills in the application as it is known so far, the metadata and the features. record.extras then refers to
  // `extras`. The Flow in `record` does not change.
  virtual void read(FlowRecord& record, FlowExtras& extras) const = 0;

 protected:
  ~SegmentReader() = default;
};

// The worker's thread calls all functions, so a run with an observer has one worker. `index` identifies an open
// segment: the next segment with this index begins after on_end(). The functions do not throw: an observer handles the
// errors of the code that it calls.
class FlowObserver {
 public:
  virtual ~FlowObserver() = default;

  // A packet of the segment, after it has been counted and its payload has been read. `reader` is valid during the
  // call. Returns the number of pieces of user code that it has switched off, because they threw.
  virtual std::uint64_t on_packet(std::uint32_t index, const PacketInfo& packet, bool is_first, Flow& flow,
                                  const SegmentReader& reader) = 0;
  virtual void on_end(std::uint32_t index, const Flow& flow) = 0;
  // Called after the packets and the ended segments of a burst. Between two calls, the observer may hold a lock.
  virtual void end_burst() = 0;
};

}  // namespace spanflow
