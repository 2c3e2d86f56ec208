// A user metric in a shared object, for spanflowd and libspanflow. The object does not link against spanflow:
//
//   #include <spanflow/metric.h>
//
//   struct CountLarge {
//     std::uint64_t packets = 0;
//     void on_packet(const spanflow::PacketInfo& packet, spanflow::Flow&) {
//       if (packet.size > 666) ++packets;
//     }
//     double value() const { return static_cast<double>(packets); }
//   };
//   SPANFLOW_METRIC(count_pkts_gt_666, CountLarge);
//
// Each segment of a flow has a CountLarge of its own. It is constructed when the segment begins. When the segment ends,
// value() is called, and then the CountLarge is destroyed. All calls for one segment come from the flow's worker.
// Workers run at the same time, so state that several flows share needs a lock or atomics. Two functions are optional:
//
//   void on_init(spanflow::Flow& flow);    // before the first packet is counted
//   void on_expire(spanflow::Flow& flow);  // after the last packet, before value()
//
// on_packet is called after the packet has been counted; flow.finish() ends the flow with that packet. value() may
// return kNoValue. References are valid during the call only. If a metric throws, the exception is logged and counted,
// the metric is switched off, and its value is absent from then on.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>

#include "spanflow/export.h"
#include "spanflow/record.h"

namespace spanflow {

// Incremented when MetricInterface or the meaning of its functions changes, or when PacketInfo or Flow change without
// changing their sizes.
inline constexpr std::uint32_t kMetricAbi = 1;

// The symbol that a shared object exports for each of its metrics. The first three members stay the same in every
// version: spanflow compares them before it reads the others, and refuses an object that does not match.
struct MetricInterface {
  std::uint32_t abi = kMetricAbi;
  std::uint32_t packet_size = sizeof(PacketInfo);
  std::uint32_t flow_size = sizeof(Flow);
  std::uint32_t state_size = 0;                        // size of the state in octets; spanflow owns the memory
  std::uint32_t state_alignment = 1;                   // alignment of the state in octets
  void (*on_init)(void* state, Flow& flow) = nullptr;  // constructs the state
  void (*on_packet)(void* state, const PacketInfo& packet, Flow& flow) = nullptr;
  double (*on_expire)(void* state, Flow& flow) = nullptr;  // returns the metric's value
  void (*destroy)(void* state) noexcept = nullptr;
};

// The requirements on a metric's type; on_init() and on_expire() are optional.
template <typename State>
concept Metric = std::default_initializable<State> && std::is_nothrow_destructible_v<State> &&
    requires(State& state, const State& ended, const PacketInfo& packet, Flow& flow) {
  state.on_packet(packet, flow);
  { ended.value() } -> std::convertible_to<double>;
};

// Used by SPANFLOW_METRIC.
template <Metric State>
constexpr MetricInterface metric_interface() {
  return {.state_size = sizeof(State),
          .state_alignment = alignof(State),
          .on_init =
              [](void* memory, [[maybe_unused]] Flow& flow) {
                [[maybe_unused]] auto* state = new (memory) State{};
                if constexpr (requires { state->on_init(flow); }) {
                  try {
                    state->on_init(flow);
                  } catch (...) {
                    state->~State();
                    throw;
                  }
                }
              },
          .on_packet = [](void* state, const PacketInfo& packet,
                          Flow& flow) { static_cast<State*>(state)->on_packet(packet, flow); },
          .on_expire =
              [](void* memory, [[maybe_unused]] Flow& flow) {
                auto* state = static_cast<State*>(memory);
                if constexpr (requires { state->on_expire(flow); }) state->on_expire(flow);
                return static_cast<double>(static_cast<const State*>(state)->value());
              },
          .destroy = [](void* state) noexcept { static_cast<State*>(state)->~State(); }};
}

}  // namespace spanflow

// Exports the type STATE as the metric NAME, an identifier: its name in the configuration and in records. One shared
// object may export several metrics. Use it at namespace scope, but not in an unnamed namespace.
#define SPANFLOW_METRIC(NAME, STATE)                                                   \
  extern "C" SPANFLOW_EXPORT const ::spanflow::MetricInterface spanflow_metric_##NAME; \
  const ::spanflow::MetricInterface spanflow_metric_##NAME = ::spanflow::metric_interface<STATE>()
