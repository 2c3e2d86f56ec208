// The nDPI states of the flows in classification.
#pragma once

#include <cstdint>

#include "base/loan_pool.h"
#include "dpi/flow_inspection.h"
#include "dpi/ndpi_api.h"

namespace spanflow {

// One object per worker; not thread-safe.
class StatePool {
 public:
  struct State {
    ndpi::FlowState flow;
    ndpi_protocol result;  // nDPI's result for the last packet
    FlowInspection* owner;
    std::uint32_t owner_index;      // index of the flow's entry in the flow table
    InitialSequence next_sequence;  // by direction: sequence number after the last octet that nDPI saw
    std::uint8_t has_next;          // one bit per direction: 1 if next_sequence is known
    std::uint8_t has_hole;          // one bit per direction: 1 if octets were missing before a packet
    std::int64_t heap;              // octets that nDPI has allocated while it had packets of the flow
    std::uint32_t passed_over;      // packets of the flow that nDPI was not given, because they tell nothing
    bool cut_short;                 // true: because of overload, nDPI got fewer packets of this flow than usual

    // The packets of the flow since its classification began, and of its handshake.
    std::uint32_t packets() const { return flow.num_processed_pkts + passed_over; }
  };

  explicit StatePool(std::uint32_t states);
  ~StatePool();
  StatePool(const StatePool&) = delete;
  StatePool& operator=(const StatePool&) = delete;

  bool all_taken() const { return states_.all_lent(); }
  // Returns the state that was taken longest ago. At least one state must be taken.
  State& oldest() { return states_[states_.oldest()]; }
  // Takes an empty state for `owner`, and returns the index of the state. At least one state must be free.
  std::uint32_t take(FlowInspection& owner, std::uint32_t owner_index);
  void give_back(std::uint32_t index);
  // Adds to state.heap.
  void note_heap(State& state, std::int64_t octets) {
    state.heap += octets;
    heap_ += octets;
  }
  // Returns the sum of State::heap of all taken states.
  std::int64_t heap() const { return heap_; }
  State& operator[](std::uint32_t index) { return states_[index]; }

 private:
  LoanPool<State> states_;
  std::int64_t heap_ = 0;
};

}  // namespace spanflow
