// The values of user metrics for the flows of one worker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/zeroed_array.h"
#include "decode/packet.h"
#include "metrics/metric_set.h"
#include "spanflow/record.h"
#include "telemetry/counters.h"

namespace spanflow {

// One object per worker; not thread-safe. The arrays are parallel to the worker's flow table, which has `capacity`
// entries: `index` is the index of the flow's entry. The constructor allocates all memory. The MetricSet and the
// counters must outlive the object. The cells of a flow and the states of its plugins are adjacent in memory.
class UserMetrics {
 public:
  UserMetrics(const MetricSet& set, std::uint32_t capacity, Counters& counters);

  void prefetch(std::uint32_t index) const {
    const std::byte* first = &memory_[index * stride_];
    __builtin_prefetch(first);
    __builtin_prefetch(first + stride_ - 1);
    if (!see_flows()) return;
    const Flow& flow = flows_[index];
    __builtin_prefetch(&flow.start_ns);
    __builtin_prefetch(&flow.src_to_dst);
    __builtin_prefetch(&flow.dst_to_src);
  }
  // True if there is user code (a plugin, a callback or an observer). User code can read the Flow.
  bool see_flows() const { return !coded_.empty() || !set_.callbacks().empty() || set_.observer() != nullptr; }
  // Returns the Flow that user code reads. The caller must keep the Flow up to date. Requires see_flows().
  Flow& flow(std::uint32_t index) { return flows_[index]; }
  // Resets the values, and makes flow(index).metrics refer to the values.
  void start_segment(std::uint32_t index);
  // Adds a packet that has already been counted in the flow. `is_first` is true for the first packet of the segment.
  // The observer gets the reader.
  void add(std::uint32_t index, const Packet& packet, bool is_first, const SegmentReader& reader);
  // Computes the final values and destroys the states. Must be called for every segment that was started.
  void end_segment(std::uint32_t index);
  // Must be called after each burst, so that user code lets go what it holds during a burst.
  void end_burst() {
    if (set_.observer() != nullptr) set_.observer()->end_burst();
  }
  // Copies the final values to `to`, an array of MetricSet::record_cells() cells. Returns a view of this array, which
  // is empty without metrics.
  MetricsView copy_values(std::uint32_t index, MetricCell* to) const;

 private:
  // A metric of a shared object. `state` and `is_made` are offsets in the memory of a flow. At `state` is the metric's
  // state. At `is_made` is an octet that is 1 while the state is constructed.
  struct Coded {
    const MetricInterface* code;
    MetricSwitch* power;
    std::size_t state;
    std::size_t is_made;
    std::uint32_t cell;
  };

  // Assigns the offsets of the states. Returns the number of octets that each flow needs.
  std::size_t place_states();
  MetricCell* cells(std::uint32_t index) { return reinterpret_cast<MetricCell*>(&memory_[index * stride_]); }
  template <typename Call>
  void guarded(std::uint32_t cell, MetricSwitch& power, Call call);
  static void destroy(const Coded& metric, std::byte* flow_memory);

  const MetricSet& set_;
  Counters& counters_;
  std::vector<Coded> coded_;  // one element for each of set_.plugins()
  const std::size_t stride_;  // octets of memory_ for each flow
  ZeroedArray<std::byte> memory_;
  ZeroedArray<Flow> flows_;
};

}  // namespace spanflow
