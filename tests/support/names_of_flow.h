// Shows payload to the readers, as packets of one flow, and returns what they found.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "support/flow_harness.h"
#include "support/packet_builder.h"

namespace spanflow::testing {

// A flow between 10.0.0.1:40000 and 10.0.0.2. Packets are a millisecond apart.
class NamedFlow {
 public:
  explicit NamedFlow(std::uint16_t server_port = 443, Config config = {})
      : flows_(std::move(config), {.names = true, .blocks = 2}), port_(server_port) {}

  // Opens a TCP connection. The payload then goes on from these sequence numbers.
  NamedFlow& handshake() {
    add(from_client().tcp(40'000, port_).syn().seq(kClientStart - 1));
    add(from_server().tcp(port_, 40'000).syn_ack().seq(kServerStart - 1).ack_number(kClientStart));
    return *this;
  }
  // Sends octets over TCP, after those that the side has sent before.
  NamedFlow& client(const std::string& octets) {
    client_at(client_sent_, octets);
    client_sent_ += static_cast<std::uint32_t>(octets.size());
    return *this;
  }
  NamedFlow& server(const std::string& octets) {
    server_at(server_sent_, octets);
    server_sent_ += static_cast<std::uint32_t>(octets.size());
    return *this;
  }
  // Sends octets at this offset of the side's stream.
  NamedFlow& client_at(std::uint32_t offset, const std::string& octets) {
    return add(from_client().tcp(40'000, port_).ack().seq(kClientStart + offset).payload(octets));
  }
  NamedFlow& server_at(std::uint32_t offset, const std::string& octets) {
    return add(from_server().tcp(port_, 40'000).ack().seq(kServerStart + offset).payload(octets));
  }
  NamedFlow& client_datagram(const std::string& octets) {
    return add(from_client().udp(40'000, port_).payload(octets));
  }
  NamedFlow& server_datagram(const std::string& octets) {
    return add(from_server().udp(port_, 40'000).payload(octets));
  }
  // From now on, only this many octets of each payload of UDP over IPv4 are captured.
  NamedFlow& capture_at_most(std::size_t octets) {
    constexpr std::size_t kHeaders = 14 + 20 + 8;
    snap_ = kHeaders + octets;
    return *this;
  }
  NamedFlow& wait(std::chrono::milliseconds time) {
    now_ += time;
    return *this;
  }

  // Ends the flow. Returns its metadata.
  FlowMetadata end() {
    const auto records = flows_.finish();
    if (records.size() != 1 || !records[0].extras) return {};
    return records[0].extras->metadata;
  }
  std::uint64_t counter(Counter id) const { return flows_.counter(id); }

 private:
  static constexpr std::uint32_t kClientStart = 1001;
  static constexpr std::uint32_t kServerStart = 0xffffff00;  // the sequence numbers wrap

  static PacketBuilder from_client() { return PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.2"); }
  static PacketBuilder from_server() { return PacketBuilder().ethernet().ipv4("10.0.0.2", "10.0.0.1"); }
  NamedFlow& add(PacketBuilder builder) {
    now_ += std::chrono::milliseconds(1);
    flows_.add(builder.at(now_).snap(snap_).build());
    return *this;
  }

  FlowHarness flows_;
  std::uint16_t port_;
  std::chrono::nanoseconds now_ = std::chrono::seconds(1000);
  std::uint32_t client_sent_ = 0;
  std::uint32_t server_sent_ = 0;
  std::size_t snap_ = SIZE_MAX;
};

inline std::vector<std::string> list_of(const FlowMetadata& metadata, Metadata key) {
  std::vector<std::string> list;
  metadata.for_each(key, [&list](std::string_view element) { list.emplace_back(element); });
  return list;
}

}  // namespace spanflow::testing
