#include "capture/spreader.h"

#include <chrono>

#include "base/thread_name.h"
#include "flow/flow_key.h"

namespace spanflow {
namespace {

constexpr std::size_t kBlocksPerLane = 32;
constexpr std::chrono::microseconds kIdle{50};

}  // namespace

// A worker's end: a block is one burst after the other.
class Spreader::LaneSource : public PacketSource {
 public:
  LaneSource(Spreader& spreader, Lane& lane) : spreader_(spreader), lane_(lane) {}

  Burst poll() override {
    if (block_ != nullptr && next_ == block_->packets.size()) {
      lane_.ring.give_back(block_);
      block_ = nullptr;
    }
    if (block_ == nullptr && !take_block()) return {.state = state_without_block_, .now_ns = now_ns_};
    const auto rest = std::span<const RawPacket>(block_->packets).subspan(next_);
    const auto burst = rest.first(std::min(rest.size(), kBurstPackets));
    const bool restarts = next_ == 0 && block_->time_restarts;
    if (restarts) now_ns_ = 0;
    next_ += burst.size();
    // Only with its last packet has the block reached its time.
    if (next_ == block_->packets.size()) now_ns_ = std::max(now_ns_, block_->now_ns);
    return {.state = burst.empty() ? Burst::State::kIdle : Burst::State::kPackets,
            .packets = burst,
            .link_type = block_->link_type,
            .now_ns = now_ns_,
            .time_restarts = restarts};
  }

  TimestampSource timestamp_source() const override { return spreader_.source_.timestamp_source(); }
  bool is_live() const override { return spreader_.source_.is_live(); }
  bool is_share() const override { return true; }
  double backlog() const override {
    return static_cast<double>(lane_.ring.full_blocks()) / static_cast<double>(lane_.ring.blocks());
  }

 private:
  bool take_block() {
    const bool ended = spreader_.ended_;  // read before looking: what came before the end is then in the ring
    block_ = lane_.ring.pop();
    next_ = 0;
    if (block_ != nullptr) return true;
    state_without_block_ = ended ? Burst::State::kEnd : Burst::State::kIdle;
    if (ended) now_ns_ = std::max<std::uint64_t>(now_ns_, spreader_.end_ns_);
    if (!ended) std::this_thread::sleep_for(kIdle);
    return false;
  }

  Spreader& spreader_;
  Lane& lane_;
  PacketBlock* block_ = nullptr;
  std::size_t next_ = 0;
  std::uint64_t now_ns_ = 0;
  Burst::State state_without_block_ = Burst::State::kIdle;
};

Spreader::Spreader(const Config& config, PacketSource& source, const Decoder& decoder, Counters& counters)
    : source_(source), counters_(counters), intake_(config, source, decoder, counters) {
  for (std::uint64_t i = 0; i < config.workers; ++i) lanes_.push_back(std::make_unique<Lane>(kBlocksPerLane));
}

Spreader::~Spreader() {
  if (thread_.joinable()) thread_.join();
}

std::unique_ptr<PacketSource> Spreader::make_source(std::uint32_t worker) {
  return std::make_unique<LaneSource>(*this, *lanes_[worker]);
}

void Spreader::start() {
  thread_ = std::thread([this] { run(); });
}

void Spreader::finish() {
  if (thread_.joinable()) thread_.join();
  if (failure_ != nullptr) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void Spreader::run() {
  name_this_thread("spreader");
  try {
    source_.attach_thread();
    for (Burst burst; burst.state != Burst::State::kEnd;) {
      burst = source_.poll();
      if (burst.time_restarts) restart_time();
      spread(burst);  // under the time of the burst before: until its end, not all before burst.now_ns was handed over
      now_ns_ = std::max(now_ns_, intake_.passed_until(burst.now_ns));
      if (burst.state != Burst::State::kPackets) pass_on_idle();
      end_ns_ = burst.now_ns;
    }
  } catch (...) {
    failure_ = std::current_exception();
  }
  intake_.release_all();
  spread_released();
  pass_on_rest();
  ended_ = true;
}

void Spreader::spread(const Burst& burst) {
  intake_.start(burst);
  Packet packet;
  for (const RawPacket& raw : burst.packets) {
    if (intake_.may_release(raw.time_ns)) [[unlikely]] {
      intake_.meet(raw.time_ns);
      spread_released();
    }
    if (intake_.take(raw, packet)) append(raw, packet, burst.link_type);
  }
  intake_.finish(burst);
  spread_released();
}

void Spreader::spread_released() {
  Packet packet;
  while (const Fragments::Held* held = intake_.take_released(packet)) append(held->raw, packet, held->link_type);
}

void Spreader::append(const RawPacket& raw, const Packet& packet, LinkType link_type) {
  Lane& lane = *lanes_[home_worker(packet.key, static_cast<std::uint32_t>(lanes_.size()))];
  if (!make_room(lane, raw, link_type)) {
    counters_.add(Counter::kPacketsReaderRingFull);
    return;
  }
  PacketBlock& block = *lane.filling;
  const std::size_t at = block.octets.size();
  block.octets.insert(block.octets.end(), raw.data, raw.data + raw.captured);
  block.packets.push_back(raw);
  block.packets.back().data = block.octets.data() + at;
  if (packet.later_fragment) block.packets.back().transport = packet.transport();
}

// A block to append to; false if a live worker has not kept up.
bool Spreader::make_room(Lane& lane, const RawPacket& raw, LinkType link_type) {
  if (lane.filling != nullptr &&
      (lane.filling->octets.size() + raw.captured > PacketBlock::kOctets || lane.filling->link_type != link_type)) {
    pass_on(lane, now_ns_);
  }
  while (!start_block(lane)) {
    if (source_.is_live()) return false;
    std::this_thread::sleep_for(kIdle);
  }
  if (lane.filling->packets.empty()) lane.filling->link_type = link_type;
  return true;
}

bool Spreader::start_block(Lane& lane) {
  if (lane.filling != nullptr) return true;
  lane.filling = lane.ring.take_empty();
  if (lane.filling == nullptr) return false;
  lane.filling->octets.clear();
  lane.filling->packets.clear();
  lane.filling->time_restarts = false;
  return true;
}

void Spreader::pass_on(Lane& lane, std::uint64_t now_ns) {
  lane.filling->now_ns = now_ns;
  lane.ring.push(lane.filling);
  lane.filling = nullptr;
}

// While nothing comes in: what a worker that waits has not got yet. One that is behind finds it, and more, in a later
// block. An empty block carries the time, by which a worker without packets ends its flows.
void Spreader::pass_on_idle() {
  constexpr std::uint64_t kTimeEveryNs = 10'000'000;
  const bool time_due = now_ns_ - time_passed_on_ns_ >= kTimeEveryNs;
  for (const auto& lane : lanes_) {
    const std::size_t held = lane->filling != nullptr ? 1 : 0;
    const bool waits = lane->ring.empty_blocks() + held == lane->ring.blocks();
    const bool has_packets = held == 1 && !lane->filling->packets.empty();
    if (waits && (has_packets || time_due) && start_block(*lane)) pass_on(*lane, now_ns_);
  }
  if (time_due) time_passed_on_ns_ = now_ns_;
}

// Every worker has to hear of it, so here even an empty block is waited for. Only capture files do this.
void Spreader::restart_time() {
  intake_.release_all();
  spread_released();
  pass_on_rest();
  for (const auto& lane : lanes_) {
    while (!start_block(*lane)) std::this_thread::sleep_for(kIdle);
    lane->filling->time_restarts = true;
  }
  now_ns_ = time_passed_on_ns_ = 0;
}

void Spreader::pass_on_rest() {
  for (const auto& lane : lanes_) {
    if (lane->filling != nullptr) pass_on(*lane, now_ns_);
  }
}

}  // namespace spanflow
