#include "traffic.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <stdexcept>

#include "trace.h"

namespace spanflow::bench {
namespace {

constexpr std::uint64_t kStartNs = 1'700'000'000'000'000'000;
constexpr std::uint64_t kNanosecondsPerSecond = 1'000'000'000;
constexpr unsigned kClientBits = 24;
constexpr std::uint32_t kClientNet = 0x0a000000;
constexpr std::uint32_t kServerNet = 0xac100000;
constexpr std::uint32_t kServerMask = 0x000fffff;
constexpr std::uint32_t kServers = 64;  // number of server addresses for each 2^24 flows

std::uint64_t lifetime_of(const TrafficOptions& options) {
  if (options.new_flows_per_s == 0) return 0;
  return std::max<std::uint64_t>(1, (options.packets_per_s + options.new_flows_per_s / 2) / options.new_flows_per_s);
}

// Returns a stride near the golden section of `slots`, so that two successive slots are far apart. The stride is
// coprime with `slots`, so that a round visits every slot.
std::uint64_t stride_for(std::uint64_t slots) {
  auto stride = static_cast<std::uint64_t>(static_cast<double>(slots) * 0.618);
  while (std::gcd(stride, slots) != 1) ++stride;
  return stride;
}

void put(std::uint8_t* at, std::uint32_t address) {
  const std::uint32_t big_endian = __builtin_bswap32(address);
  std::memcpy(at, &big_endian, sizeof big_endian);
}

}  // namespace

Traffic::Traffic(const TrafficOptions& options, const std::vector<Conversation>& conversations)
    : options_(options),
      interval_ns_(kNanosecondsPerSecond / std::max<std::uint64_t>(1, options.packets_per_s)),
      lifetime_(lifetime_of(options)) {
  if (options.order != Order::kTrace && (options.flows == 0 || options.packets < options.flows)) {
    throw std::invalid_argument("expected at least one flow, and at least one packet for each flow");
  }
  if (options.order == Order::kOnce && options.packets != options.flows) {
    throw std::invalid_argument("expected as many packets as flows: in this kind each flow has one packet");
  }
  if (interval_ns_ == 0)
    throw std::invalid_argument("expected at most 1,000,000,000 packets per second of packet time");
  if (options.new_flows_per_s > 0 && options.order != Order::kRounds) {
    throw std::invalid_argument("new flows need a kind with concurrent flows");
  }
  for (const Conversation& conversation : conversations) {
    ranges_.push_back({static_cast<std::uint32_t>(frames_.size()),
                       static_cast<std::uint32_t>(conversation.frames.size()),
                       static_cast<std::uint32_t>(conversation.steady)});
    frames_.insert(frames_.end(), conversation.frames.begin(), conversation.frames.end());
  }
  if (frames_.empty()) throw std::invalid_argument("there is no conversation to repeat");
  if (options.order == Order::kTrace) {
    schedule_ = std::make_shared<const TraceSchedule>(
        make_trace(options, ranges_, kStartNs, [this](std::uint64_t number) { return random(number); }));
    flows_ = schedule_->flows;
    return;
  }
  stride_ = stride_for(options.flows);
  slot_ = random(0) % options.flows;
}

std::uint64_t Traffic::packets() const { return schedule_ ? schedule_->packets.size() : options_.packets; }

std::uint64_t Traffic::packets_before() const { return schedule_ ? schedule_->before : 0; }

std::optional<Traffic::Packet> Traffic::next() {
  if (given_ == packets()) return std::nullopt;
  Packet next{};
  switch (options_.order) {
    case Order::kRounds:
      next = next_of_rounds();
      break;
    case Order::kPopular:
      next = next_of_popular();
      break;
    case Order::kOnce:
      next = packet(flows_, conversation_of(flows_), 0);
      ++flows_;
      break;
    case Order::kTrace:
      next = schedule_->packets[given_];
      break;
  }
  ++given_;
  return next;
}

// Each slot has one flow at a time. Different slots replace their flows in different rounds, so that each round
// replaces about the same number of flows. All initial flows start in the first round, so most initial flows have fewer
// packets than later flows.
Traffic::Packet Traffic::next_of_rounds() {
  std::uint64_t generation = 0;
  std::uint64_t position = round_;
  if (lifetime_ > 0) {
    const std::uint64_t rounds = lifetime_rounds_ + slot_ % lifetime_;
    const bool wraps = rounds >= lifetime_;
    generation = lifetimes_ + (wraps ? 1 : 0);
    if (generation > 0) position = wraps ? rounds - lifetime_ : rounds;
  }
  if (position == 0) ++flows_;
  const Packet next = packet(generation * options_.flows + slot_, conversation_of(slot_), position);
  next_slot();
  return next;
}

void Traffic::next_slot() {
  if (++in_round_ < options_.flows) {
    slot_ += stride_;
    if (slot_ >= options_.flows) slot_ -= options_.flows;
    return;
  }
  in_round_ = 0;
  ++round_;
  slot_ = random(round_) % options_.flows;
  if (lifetime_ > 0 && ++lifetime_rounds_ == lifetime_) {
    lifetime_rounds_ = 0;
    ++lifetimes_;
  }
}

// Flow number k begins with packet number k * packets / flows. Each other packet goes to a flow that has begun. The
// rank of this flow is exp(share * ln(flows + 1)) with a uniform `share`, so the ranks follow Zipf's law.
Traffic::Packet Traffic::next_of_popular() {
  const std::uint64_t begun = (given_ * options_.flows + options_.packets - 1) / options_.packets;
  const std::uint64_t due = ((given_ + 1) * options_.flows + options_.packets - 1) / options_.packets;
  if (due > begun) {
    flows_ = due;
    return packet(due - 1, conversation_of(due - 1), 0);
  }
  const std::uint64_t number = random(given_);
  const double share = static_cast<double>(number >> 11) * 0x1p-53;
  const auto rank = static_cast<std::uint64_t>(std::exp(share * std::log(static_cast<double>(flows_ + 1))));
  const std::uint64_t flow = std::clamp<std::uint64_t>(rank, 1, flows_) - 1;
  const Range& conversation = conversation_of(flow);
  return packet(flow, conversation, conversation.steady + (number & 0x7ff));
}

Traffic::Packet Traffic::packet(std::uint64_t flow, const Range& conversation, std::uint64_t position) const {
  return {.frame = conversation.frame_at(position), .flow = flow, .time_ns = kStartNs + given_ * interval_ns_};
}

void Traffic::address(std::span<std::uint8_t> octets, const Packet& packet) const {
  const Frame& frame = frames_[packet.frame];
  const auto scattered =
      static_cast<std::uint32_t>((packet.flow * 0x9e3779b1 + options_.seed) & ((1U << kClientBits) - 1));
  const auto server = static_cast<std::uint32_t>((packet.flow >> kClientBits) * kServers + packet.flow % kServers);
  put(&octets[frame.client_at], kClientNet | scattered);
  put(&octets[frame.server_at], kServerNet | (server & kServerMask));
}

// Returns value number `number` of the generator splitmix64, computed without state.
std::uint64_t Traffic::random(std::uint64_t number) const {
  std::uint64_t z = (options_.seed << 32) + (number + 1) * 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

}  // namespace spanflow::bench
