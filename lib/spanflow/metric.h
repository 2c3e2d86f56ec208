// The interface for a user metric in a shared object, which spanflowd and libspanflow load. The shared object does not
// link against spanflow. Example:
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
// spanflow constructs one CountLarge for each segment of a flow when the segment begins. When the segment ends,
// spanflow calls value() and then destroys the object. All calls for one segment come from the thread of the flow's
// worker. Workers run at the same time, so state that several flows share needs a lock or atomics. Two functions are
// optional:
//
//   void on_init(spanflow::Flow& flow);    // called before the segment's first packet is counted
//   void on_expire(spanflow::Flow& flow);  // called after the last packet, before value()
//
// spanflow calls on_packet() after it has counted the packet. A metric may call flow.finish() to end the flow with the
// current packet. value() may return kNoValue. References are valid during the call only. If a metric throws, spanflow
// logs and counts the exception and switches the metric off. Later records have no value for this metric.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>

#include "spanflow/export.h"
#include "spanflow/record.h"

namespace spanflow {

// The version of the metric interface. It is incremented when MetricInterface changes, when the meaning of one of its
// functions changes, or when PacketInfo or Flow changes but keeps its size.
inline constexpr std::uint32_t kMetricAbi = 1;

// The type of the symbol that a shared object exports for each metric. Every version keeps the first three members.
// spanflow compares these three with its own values before it reads the other members. It refuses a shared object if
// one of the three differs.
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

// The members that a metric's type must have. on_init() and on_expire() are optional.
template <typename State>
concept Metric = std::default_initializable<State> && std::is_nothrow_destructible_v<State> &&
    requires(State& state, const State& ended, const PacketInfo& packet, Flow& flow) {
  state.on_packet(packet, flow);
  { ended.value() } -> std::convertible_to<double>;
};

// Returns the interface of a metric's type. SPANFLOW_METRIC calls this function.
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

// Exports the type STATE as a metric. NAME, an identifier, is the metric's name in the configuration and in records.
// One shared object may export several metrics. Use the macro at namespace scope, but not in an unnamed namespace,
// because the symbol needs external linkage.
#define SPANFLOW_METRIC(NAME, STATE)                                                   \
  extern "C" SPANFLOW_EXPORT const ::spanflow::MetricInterface spanflow_metric_##NAME; \
  const ::spanflow::MetricInterface spanflow_metric_##NAME = ::spanflow::metric_interface<STATE>()
