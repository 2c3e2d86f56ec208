// Generates packets of very many flows from few frames. Each packet is a copy of a frame of its flow's conversation,
// with the addresses of the flow. The same options give the same packets.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace spanflow::bench {

// `wire` is the length on the wire in octets. `client_at` and `server_at` are the offsets of the last four octets of
// the two addresses, for IPv4 and IPv6.
struct Frame {
  std::vector<std::uint8_t> octets;
  std::uint32_t wire = 0;
  std::uint32_t client_at = 0;
  std::uint32_t server_at = 0;
};

// The frames of a flow, in order. A flow with more packets repeats the frames from index `steady` to the end.
struct Conversation {
  std::vector<Frame> frames;
  std::size_t steady = 0;
};

enum class Order : std::uint8_t {
  kRounds,   // `flows` concurrent flows; each round has one packet of each flow, and starts with a different flow
  kPopular,  // flows begin at a constant rate; the n-th flow gets 1/n as many packets as the first (Zipf's law)
  kOnce,     // one packet for each flow
  kTrace,    // flows begin at a constant rate, with the lengths of a published trace (trace.h)
};

struct TrafficOptions {
  Order order = Order::kRounds;
  std::uint64_t flows = 1;    // kRounds: number of concurrent flows; kTrace: unused; otherwise: of all flows
  std::uint64_t packets = 1;  // number of packets, at least `flows`; kTrace: after those that fill the table
  std::uint64_t packets_per_s = 1'000'000;  // packets per second, by the packets' timestamps
  std::uint64_t new_flows_per_s = 0;        // kRounds: flows that are replaced per second, by timestamps; 0: none
  std::uint64_t idle_s = 120;               // kTrace: how long the flow table keeps a flow without packets
  std::uint64_t seed = 1;
};

struct TraceSchedule;

// Client addresses are from 10.0.0.0/8, and server addresses from 172.16.0.0/12. Each flow has its own address pair.
class Traffic {
 public:
  struct Packet {
    std::uint32_t frame;  // index in frames()
    std::uint64_t flow;   // index of the flow, from 0
    std::uint64_t time_ns;
  };

  // The place of a conversation in frames().
  struct Range {
    std::uint32_t first;
    std::uint32_t count;
    std::uint32_t steady;

    // Returns the frame of the packet at this position in a flow.
    std::uint32_t frame_at(std::uint64_t position) const {
      if (position >= count) position = steady + (position - steady) % (count - steady);
      return first + static_cast<std::uint32_t>(position);
    }
  };

  // Throws std::invalid_argument if the options contradict each other.
  Traffic(const TrafficOptions& options, const std::vector<Conversation>& conversations);

  // Returns nullopt after the last packet.
  std::optional<Packet> next();
  // Writes the addresses of the packet's flow into `octets`, which is a copy of the packet's frame.
  void address(std::span<std::uint8_t> octets, const Packet& packet) const;

  const std::vector<Frame>& frames() const { return frames_; }
  std::uint64_t flows() const { return flows_; }  // number of flows so far; kTrace: in all
  std::uint64_t packets() const;                  // number of packets in all
  std::uint64_t packets_before() const;           // kTrace: number of packets that fill the table; otherwise 0
  // Number of packets of a flow before another flow replaces it; 0: no limit.
  std::uint64_t lifetime() const { return lifetime_; }

 private:
  Packet next_of_rounds();
  Packet next_of_popular();
  void next_slot();
  Packet packet(std::uint64_t flow, const Range& conversation, std::uint64_t position) const;
  const Range& conversation_of(std::uint64_t number) const { return ranges_[number % ranges_.size()]; }
  std::uint64_t random(std::uint64_t number) const;

  const TrafficOptions options_;
  std::vector<Frame> frames_;  // the frames of all conversations
  std::vector<Range> ranges_;  // one range of frames_ for each conversation
  const std::uint64_t interval_ns_;
  const std::uint64_t lifetime_;
  std::uint64_t given_ = 0;                        // number of packets so far
  std::uint64_t flows_ = 0;                        // number of flows so far
  std::shared_ptr<const TraceSchedule> schedule_;  // only for kTrace; large, so that copies share it

  // For kRounds: `flows` slots, each with one flow at a time.
  std::uint64_t stride_ = 0;
  std::uint64_t slot_ = 0;
  std::uint64_t in_round_ = 0;  // number of packets in this round so far
  std::uint64_t round_ = 0;
  std::uint64_t lifetimes_ = 0;        // round_ / lifetime_
  std::uint64_t lifetime_rounds_ = 0;  // round_ % lifetime_
};

}  // namespace spanflow::bench
