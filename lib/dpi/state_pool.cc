#include "dpi/state_pool.h"

#include <cassert>
#include <memory>

namespace spanflow {

StatePool::StatePool(std::uint32_t states) : states_(states) { assert(states <= FlowInspection::kMostStates); }

StatePool::~StatePool() {
  for (std::uint32_t at = states_.oldest(); at != kNoIndex; at = states_.after(at)) {
    ndpi_free_flow_data(&states_[at].flow);
  }
}

std::uint32_t StatePool::take(FlowInspection& owner, std::uint32_t owner_index) {
  const std::uint32_t index = states_.lend();
  State& state = *std::construct_at(&states_[index]);  // value-initialised, so that all octets are zero
  state.owner = &owner;
  state.owner_index = owner_index;
  return index;
}

void StatePool::give_back(std::uint32_t index) {
  heap_ -= states_[index].heap;
  ndpi_free_flow_data(&states_[index].flow);
  states_.take_back(index);
}

}  // namespace spanflow
