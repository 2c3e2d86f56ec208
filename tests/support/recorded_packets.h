// Reads the packets of the captures in tests/captures.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "capture/capture_source.h"
#include "support/decoding.h"
#include "support/packet_builder.h"

namespace spanflow::testing {

// Returns all packets of the capture `name`.
inline std::vector<TestPacket> recorded_packets(const std::string& name) {
  const std::atomic<bool> stop{false};
  Notes notes;
  Counters counters;
  const auto source = make_capture_source({std::string(SPANFLOW_TEST_CAPTURES) + "/" + name}, stop, notes, counters);
  std::vector<TestPacket> packets;
  for (Burst burst = source->poll(); burst.state != Burst::State::kEnd; burst = source->poll()) {
    for (const RawPacket& raw : burst.packets) {
      packets.push_back({.bytes = Bytes(raw.data, raw.data + raw.captured),
                         .wire = raw.wire,
                         .time_ns = raw.time_ns,
                         .link_type = burst.link_type});
    }
  }
  return packets;
}

// Returns the transport payloads of all packets that have one.
inline std::vector<std::string> recorded_payloads(const std::string& name) {
  std::vector<std::string> payloads;
  for (const TestPacket& frame : recorded_packets(name)) {
    const Decoded decoded = decode(frame);
    if (decoded.outcome != Counter::kPacketsMetered || decoded.packet.payload_size == 0) continue;
    const Cursor payload = payload_of(decoded.packet);
    payloads.emplace_back(reinterpret_cast<const char*>(payload.data()), payload.captured());
  }
  return payloads;
}

}  // namespace spanflow::testing
