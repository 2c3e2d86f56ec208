// Endless or counted streams of packets of very many flows, made of few frames: each packet is a frame of its flow's
// conversation with the flow's addresses put in. The same options give the same packets.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace spanflow::bench {

// `client_at` and `server_at` are where the last four octets of the two addresses stand, IPv4 and IPv6 alike.
struct Frame {
  std::vector<std::uint8_t> octets;
  std::uint32_t wire = 0;
  std::uint32_t client_at = 0;
  std::uint32_t server_at = 0;
};

// The frames of a flow, in order. A flow of more packets goes on with those from `steady` on, again and again.
struct Conversation {
  std::vector<Frame> frames;
  std::size_t steady = 0;
};

enum class Order : std::uint8_t {
  kRounds,   // `flows` side by side; each round shows every one once, each time with another one first
  kPopular,  // flows begin one after the other, evenly; the n-th of those so far gets 1/n of what the first gets
  kOnce,     // one packet each
};

struct TrafficOptions {
  Order order = Order::kRounds;
  std::uint64_t flows = 1;                  // with kRounds at the same time, else in all
  std::uint64_t packets = 1;                // no fewer than flows
  std::uint64_t packets_per_s = 1'000'000;  // of packet time
  std::uint64_t new_flows_per_s = 0;        // kRounds: so many give way to new ones; 0: they stay
  std::uint64_t seed = 1;
};

// Addresses are 10.0.0.0/8 for clients and 172.16.0.0/12 for servers; no two flows share a pair.
class Traffic {
 public:
  struct Packet {
    std::uint32_t frame;  // of frames()
    std::uint64_t flow;
    std::uint64_t time_ns;
  };

  // Throws std::invalid_argument if the options cannot be met.
  Traffic(const TrafficOptions& options, const std::vector<Conversation>& conversations);

  // Nothing once all packets have been given.
  std::optional<Packet> next();
  // Makes a copy of that frame one of the flow.
  void address(std::span<std::uint8_t> octets, const Packet& packet) const;

  const std::vector<Frame>& frames() const { return frames_; }
  std::uint64_t flows() const { return flows_; }  // so far
  // Packets that one flow has before another takes its place; 0: any number.
  std::uint64_t lifetime() const { return lifetime_; }

 private:
  struct Range {
    std::uint32_t first;
    std::uint32_t count;
    std::uint32_t steady;
  };

  Packet next_of_rounds();
  Packet next_of_popular();
  void next_slot();
  Packet packet(std::uint64_t flow, const Range& conversation, std::uint64_t position) const;
  const Range& conversation_of(std::uint64_t number) const { return ranges_[number % ranges_.size()]; }
  std::uint64_t random(std::uint64_t number) const;

  const TrafficOptions options_;
  std::vector<Frame> frames_;  // of all conversations
  std::vector<Range> ranges_;  // a conversation each
  const std::uint64_t interval_ns_;
  const std::uint64_t lifetime_;
  std::uint64_t given_ = 0;
  std::uint64_t flows_ = 0;

  // kRounds: places in a circle, each with one flow at a time.
  std::uint64_t stride_ = 0;
  std::uint64_t slot_ = 0;
  std::uint64_t in_round_ = 0;
  std::uint64_t round_ = 0;
  std::uint64_t lifetimes_ = 0;        // round_ / lifetime_
  std::uint64_t lifetime_rounds_ = 0;  // round_ % lifetime_
};

}  // namespace spanflow::bench
