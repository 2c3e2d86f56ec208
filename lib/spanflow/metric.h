// A metric of your own in a shared object, for spanflowd and the library. No part of spanflow needs to be linked:
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
// There is one CountLarge for each segment of a flow: made when it begins, destroyed after its value was asked for when
// it ends, all by the flow's worker. It may also have
//
//   void on_init(spanflow::Flow& flow);    // before the first packet is counted
//   void on_expire(spanflow::Flow& flow);  // after the last packet, before value()
//
// on_packet comes after the packet has been counted; flow.finish() ends the flow with that packet. value() may give
// kNoValue. A metric that throws is logged, counted and switched off, and its value is absent from then on.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>

#include "spanflow/export.h"
#include "spanflow/record.h"

namespace spanflow {

// Changes with MetricInterface and with what its functions mean.
inline constexpr std::uint32_t kMetricAbi = 1;

// What a shared object exports for each of its metrics. The first three members stay as they are in every version:
// they are what spanflow compares before it looks at the rest.
struct MetricInterface {
  std::uint32_t abi = kMetricAbi;
  std::uint32_t packet_size = sizeof(PacketInfo);
  std::uint32_t flow_size = sizeof(Flow);
  std::uint32_t state_size = 0;
  std::uint32_t state_alignment = 1;
  void (*on_init)(void* state, Flow& flow) = nullptr;  // makes the state
  void (*on_packet)(void* state, const PacketInfo& packet, Flow& flow) = nullptr;
  double (*on_expire)(void* state, Flow& flow) = nullptr;  // gives the value
  void (*destroy)(void* state) noexcept = nullptr;
};

template <typename State>
concept Metric = std::default_initializable<State> && std::is_nothrow_destructible_v<State> &&
    requires(State& state, const State& ended, const PacketInfo& packet, Flow& flow) {
  state.on_packet(packet, flow);
  { ended.value() } -> std::convertible_to<double>;
};

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

// NAME, an identifier, is the metric's name in the configuration and in records; one shared object may have several.
// At namespace scope, but not in a namespace without a name.
#define SPANFLOW_METRIC(NAME, STATE)                                                   \
  extern "C" SPANFLOW_EXPORT const ::spanflow::MetricInterface spanflow_metric_##NAME; \
  const ::spanflow::MetricInterface spanflow_metric_##NAME = ::spanflow::metric_interface<STATE>()
