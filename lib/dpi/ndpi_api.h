// Hides the differences between nDPI's releases.
#pragma once

#include <ndpi_api.h>

#include <cstdint>

#include "dpi/ndpi_heap.h"

namespace spanflow::ndpi {

using Module = ndpi_detection_module_struct;
using FlowState = ndpi_flow_struct;

inline Module* make_module() {
  set_allocator();
#if SPANFLOW_NDPI_AT_LEAST(4, 10)
  return ndpi_init_detection_module(nullptr);
#else
  return ndpi_init_detection_module(ndpi_no_prefs);
#endif
}

inline void enable_all_protocols(Module* module) {
#if SPANFLOW_NDPI_AT_LEAST(5, 0)
  (void)module;
#else
  NDPI_PROTOCOL_BITMASK all;
  NDPI_BITMASK_SET_ALL(all);
  ndpi_set_protocol_detection_bitmask2(module, &all);
#endif
}

inline ndpi_protocol process(Module* module, FlowState* flow, const std::uint8_t* ip, std::uint16_t length,
                             std::uint64_t time_ms) {
#if SPANFLOW_NDPI_AT_LEAST(4, 4)
  return ndpi_detection_process_packet(module, flow, ip, length, time_ms, nullptr);
#else
  return ndpi_detection_process_packet(module, flow, ip, length, time_ms);
#endif
}

inline ndpi_protocol give_up(Module* module, FlowState* flow, bool& guessed) {
  std::uint8_t was_guessed = 0;
#if SPANFLOW_NDPI_AT_LEAST(4, 10)
  const ndpi_protocol result = ndpi_detection_giveup(module, flow, &was_guessed);
#else
  const ndpi_protocol result = ndpi_detection_giveup(module, flow, 1, &was_guessed);
#endif
  guessed = was_guessed != 0;
  return result;
}

// Returns nDPI's guess from addresses and ports alone. Addresses are in host byte order; 0 is an unknown address.
inline ndpi_protocol guess(Module* module, std::uint8_t ip_protocol, std::uint32_t src, std::uint16_t src_port,
                           std::uint32_t dst, std::uint16_t dst_port) {
#if SPANFLOW_NDPI_AT_LEAST(4, 4)
  return ndpi_guess_undetected_protocol_v4(module, nullptr, ip_protocol, src, src_port, dst, dst_port);
#else
  return ndpi_guess_undetected_protocol(module, nullptr, ip_protocol, src, src_port, dst, dst_port);
#endif
}

// True for a release whose guess() finds nothing in ports that have no default protocol, but for the peers of
// BitTorrent flows, which it knows by address and port.
inline constexpr bool kUnknownPortsTellNothing = !SPANFLOW_NDPI_AT_LEAST(4, 4);

#if SPANFLOW_NDPI_AT_LEAST(4, 12)
inline std::uint16_t master_of(const ndpi_protocol& result) { return result.proto.master_protocol; }
inline std::uint16_t app_of(const ndpi_protocol& result) { return result.proto.app_protocol; }
inline ndpi_protocol protocol_of(std::uint16_t master, std::uint16_t app) {
  ndpi_protocol result{};
  result.proto.master_protocol = master;
  result.proto.app_protocol = app;
  return result;
}
#else
inline std::uint16_t master_of(const ndpi_protocol& result) { return result.master_protocol; }
inline std::uint16_t app_of(const ndpi_protocol& result) { return result.app_protocol; }
inline ndpi_protocol protocol_of(std::uint16_t master, std::uint16_t app) {
  ndpi_protocol result{};
  result.master_protocol = master;
  result.app_protocol = app;
  return result;
}
#endif

// True if the protocol is the application of the result, or carries it.
inline bool is_or_carries(const ndpi_protocol& result, std::uint16_t protocol) {
  return app_of(result) == protocol || master_of(result) == protocol;
}

inline void protocol_name(Module* module, const ndpi_protocol& result, char* buffer, unsigned size) {
#if SPANFLOW_NDPI_AT_LEAST(4, 12)
  ndpi_protocol2name(module, result.proto, buffer, size);
#else
  ndpi_protocol2name(module, result, buffer, size);
#endif
}

}  // namespace spanflow::ndpi
