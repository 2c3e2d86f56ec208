#include "dpi/classifier.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/directions.h"
#include "base/error.h"
#include "base/flow_hash.h"
#include "base/intern.h"
#include "dpi/guarded_octets.h"
#include "dpi/ndpi_activity.h"
#include "dpi/ndpi_api.h"
#include "dpi/ndpi_heap.h"
#include "dpi/ndpi_metadata.h"
#include "dpi/ndpi_print.h"
#include "dpi/replay.h"
#include "dpi/state_pool.h"
#include "dpi/telling_ports.h"
#include "dpi/time_budget.h"

namespace spanflow {
namespace {

// While the worker is overloaded, nDPI gets at most a quarter of the usual number of packets per flow: 8 instead of 32
// by default.
constexpr std::uint32_t kLoweredBudgetPart = 4;
// nDPI keeps the octets of an unfinished TLS message: up to 16 KiB for each flow, which would be 1 GiB for all flows
// that may be in classification. Few flows of usual traffic keep any at the same time. In octets.
constexpr std::int64_t kHeapPerFlow = 1024;
constexpr std::int64_t kLeastHeap = 1 << 20;

static_assert(NDPI_CONFIDENCE_MAX <= FlowInspection::kMostConfidences);

struct Names {
  std::string_view application;
  std::string_view category;
};

// Returns the key of the flow. The sender of the packet is src in packet.key, so the key of a packet from dst is
// reversed.
FlowKey flow_key(const Packet& packet) {
  return packet.direction == Direction::kSrcToDst ? packet.key : reversed(packet.key);
}

bool is_known(const ndpi_protocol& result) { return ndpi::app_of(result) != NDPI_PROTOCOL_UNKNOWN; }

std::uint64_t milliseconds(std::uint64_t nanoseconds) { return nanoseconds / 1'000'000; }

std::uint32_t ipv4_of(const IpAddress& address) {
  std::uint32_t in_network_order = 0;
  std::memcpy(&in_network_order, address.bytes.data(), sizeof in_network_order);
  return ntohl(in_network_order);
}

// The flows of one worker that can be in classification.
std::uint32_t share_of_flows(const Config::Dpi& options, std::uint64_t workers) {
  return static_cast<std::uint32_t>((options.max_flows + workers - 1) / workers);
}

}  // namespace

// The implementation of the Classifier: nDPI's module, the nDPI states of the flows in classification, and all
// application and category names that nDPI has returned.
class Classifier::Ndpi {
 public:
  Ndpi(const Config::Dpi& options, std::uint64_t workers, const MetadataTarget& target, Counters& counters)
      : options_(options),
        target_(target),
        counters_(counters),
        module_(make_module(options)),
        telling_ports_(module_.get()),
        time_budget_(options.time_budget),
        states_(share_of_flows(options, workers)),
        most_heap_(std::max(kLeastHeap, share_of_flows(options, workers) * kHeapPerFlow)) {
    if (options.guard) guard_.emplace();
  }

  void inspect(FlowInspection& inspection, std::uint32_t flow, InitialSequence& initial, const Packet& packet) {
    show(inspection, flow, initial, packet);
    while (states_.heap() > most_heap_) give_up_oldest();
  }

  void show(FlowInspection& inspection, std::uint32_t flow, InitialSequence& initial, const Packet& packet) {
    if (packet.later_fragment) return;
    const bool is_empty_tcp = packet.key.ip_protocol == protocol::kTcp && packet.payload_size == 0;
    if (inspection.progress() == DpiProgress::kNotStarted) {
      if (is_empty_tcp) {
        remember_packet(inspection.handshake(), initial, packet.direction, packet.tcp_flags, packet.tcp_seq,
                        packet.tcp_ack);
        return;
      }
      if (is_quarantined(packet.key)) return pass_over(inspection, packet);
      const NdpiActivity::Scope working(activity_, packet.key, &packet);
      start(inspection, flow, initial, packet);
    }
    State& state = states_[inspection.state()];
    const bool tells_nothing = is_repeated(state, packet) || is_empty_tcp;
    if (tells_nothing && !is_known(state.result)) {
      ++state.passed_over;
      if (state.packets() >= budget(packet)) conclude_running(inspection);
      return;
    }
    const NdpiActivity::Scope working(activity_, packet.key, &packet);
    if (state.packets() >= budget(packet)) return conclude_running(inspection);
    if (!read(state, packet)) return abandon(inspection, packet);
    const bool known = is_known(state.result);
    bittorrent_seen_ |= ndpi::is_or_carries(state.result, NDPI_PROTOCOL_BITTORRENT);
    const bool out_of_packets = state.flow.fail_with_unknown != 0 || state.packets() >= budget(packet);
    const bool done = out_of_packets || (known && !more_to_learn(state));
    state.cut_short = !done && budget_lowered_ && state.packets() >= budget(packet) / kLoweredBudgetPart;
    if (done || state.cut_short) conclude_running(inspection);
  }

  void lower_budget(bool lower) { budget_lowered_ = lower; }

  Verdict conclude(FlowInspection& inspection, const FlowKey& key, bool ends_flow) {
    if (inspection.progress() == DpiProgress::kRunning) {
      State& state = states_[inspection.state()];
      const NdpiActivity::Scope working(activity_, key);
      if (!ends_flow) return is_known(state.result) ? verdict(state.result, false, state.flow.confidence) : guess(key);
      give_up(inspection);
    } else if (inspection.progress() == DpiProgress::kNotStarted) {
      const Verdict guessed = guess(key);
      if (!ends_flow) return guessed;
      counters_.add(Counter::kDpiGivenUp);
      inspection.conclude(guessed);
    }
    return inspection.verdict();
  }

  Verdict found(const FlowInspection& inspection) {
    switch (inspection.progress()) {
      case DpiProgress::kNotStarted:
        return verdict({}, false, NDPI_CONFIDENCE_UNKNOWN);
      case DpiProgress::kRunning: {
        const State& state = states_[inspection.state()];
        return verdict(state.result, false, state.flow.confidence);
      }
      case DpiProgress::kDone:
        break;
    }
    return inspection.verdict();
  }

  void release(FlowInspection& inspection) {
    if (inspection.progress() == DpiProgress::kRunning) states_.give_back(inspection.state());
  }

  void describe(const Verdict& verdict, FlowRecord& record) const {
    const Names& names = names_[verdict.label];
    record.application_name = names.application;
    record.category_name = names.category;
    record.application_confidence = verdict.confidence;
    record.application_is_guessed = verdict.guessed;
    if (verdict.cut_short) record.overload |= kShedDpi;
  }

  void append_metadata(const FlowInspection& inspection, std::string& octets) {
    if (target_.store == nullptr || inspection.progress() != DpiProgress::kRunning) return;
    ndpi::append_metadata(states_[inspection.state()].flow, target_.left_out, octets);
  }

 private:
  using State = StatePool::State;

  struct ModuleDeleter {
    void operator()(ndpi::Module* module) const { ndpi_exit_detection_module(module); }
  };
  using ModulePointer = std::unique_ptr<ndpi::Module, ModuleDeleter>;

  static ModulePointer make_module(const Config::Dpi& options) {
    static std::mutex one_at_a_time;
    const std::lock_guard lock(one_at_a_time);
    ModulePointer module{ndpi::make_module()};
    if (!module) throw RunError("nDPI cannot be initialised");
    ndpi::enable_all_protocols(module.get());
    const auto load = [&module](const std::string& path, const char* option, auto loader) {
      if (path.empty()) return;
      // The file is checked here, because nDPI would write the reason of a failure to standard output, where the
      // records may go.
      if (::access(path.c_str(), R_OK) != 0) {
        throw ConfigError(fmt::format("{}: {}: cannot be read: {}", option, path, std::strerror(errno)));
      }
      std::string writable = path;
      if (loader(module.get(), writable.data()) < 0) {
        throw ConfigError(fmt::format("{}: {}: cannot be loaded by nDPI", option, path));
      }
    };
    load(options.protocols_file, "dpi.protocols_file", ndpi_load_protocols_file);
    load(options.categories_file, "dpi.categories_file",
         [](ndpi::Module* target, const char* path) { return ndpi_load_categories_file(target, path); });
    ndpi_finalize_initialization(module.get());
    return module;
  }

  bool is_quarantined(const FlowKey& key) const {
    return std::ranges::any_of(options_.quarantined, [&key](const FlowKey& one) { return is_same_flow(one, key); });
  }

  // Gives the flow a verdict without nDPI's dissectors.
  void pass_over(FlowInspection& inspection, const Packet& packet) {
    counters_.add(Counter::kDpiQuarantined);
    counters_.add(Counter::kDpiGivenUp);
    inspection.conclude(guess(flow_key(packet)));
  }

  // Gives the packet to nDPI. Returns false if that took too long.
  bool read(State& state, const Packet& packet) {
    counters_.add(Counter::kDpiCalls);
    leave_out_ja3 = target_.store == nullptr || target_.left_out.has(Metadata::kJa3Client);
    const auto length = static_cast<std::uint16_t>(std::min<std::uint32_t>(packet.ip_captured, 0xffff));
    const std::uint8_t* octets = guard_ ? guard_->copy({packet.ip, length}) : packet.ip;
    time_budget_.begin();
    state.result = process(state, octets, length, packet.time_ns);
    return !time_budget_.exceeded();
  }

  // Ends the classification without a further call of the flow's dissectors.
  void abandon(FlowInspection& inspection, const Packet& packet) {
    counters_.add(Counter::kDpiTooSlow);
    if (is_known(states_[inspection.state()].result)) return conclude_running(inspection);
    counters_.add(Counter::kDpiGivenUp);
    settle(inspection, guess(flow_key(packet)));
  }

  std::uint32_t budget(const Packet& packet) const {
    return static_cast<std::uint32_t>(packet.key.ip_protocol == protocol::kUdp ? options_.max_packets_udp
                                                                               : options_.max_packets);
  }

  ndpi_protocol process(State& state, const std::uint8_t* ip, std::uint16_t length, std::uint64_t time_ns) {
    const std::int64_t before = ndpi::heap_octets;
    const ndpi_protocol result = ndpi::process(module_.get(), &state.flow, ip, length, milliseconds(time_ns));
    states_.note_heap(state, ndpi::heap_octets - before);
    return result;
  }

  // While nDPI searches for the protocol, a packet that repeats octets tells it nothing: its dissectors ignore such
  // packets. After a hole, a packet with old sequence numbers may have new octets, so nothing is passed over any more.
  // Packets that are passed over count for the budget all the same. Once the protocol is known, nDPI gets every packet,
  // because it counts them to end the dissection. So a flow gets the verdict that it would get if nDPI saw every
  // packet.
  static bool is_repeated(State& state, const Packet& packet) {
    if (packet.key.ip_protocol != protocol::kTcp || packet.payload_size == 0) return false;
    std::uint32_t& next = state.next_sequence[direction_index(packet.direction)];
    const std::uint8_t bit = direction_bit(packet.direction);
    const std::uint32_t end = packet.tcp_seq + packet.payload_size;
    const bool has_next = (state.has_next & bit) != 0;
    const bool is_new = !has_next || static_cast<std::int32_t>(end - next) > 0;
    if (has_next && static_cast<std::int32_t>(packet.tcp_seq - next) > 0) state.has_hole |= bit;
    if (is_new) next = end;
    state.has_next |= bit;
    return !is_new && (state.has_hole & bit) == 0;
  }

  // True if more packets may change the verdict, or the metadata where it is kept. nDPI would read the key exchange of
  // SSH only for the metadata.
  bool more_to_learn(State& state) {
    if (target_.store == nullptr && ndpi::app_of(state.result) == NDPI_PROTOCOL_SSH) return false;
    return ndpi_extra_dissection_possible(module_.get(), &state.flow) != 0;
  }

  // Ends the classification with the result so far.
  void conclude_running(FlowInspection& inspection) {
    const State& state = states_[inspection.state()];
    if (!is_known(state.result)) return give_up(inspection);
    counters_.add(Counter::kDpiClassified);
    counters_.observe(HistogramId::kPacketsToVerdict, state.packets());
    settle(inspection, verdict(state.result, false, state.flow.confidence));
  }

  // Takes an nDPI state for the flow. Then gives nDPI the earlier packets of the flow, which had no payload.
  void start(FlowInspection& inspection, std::uint32_t flow, const InitialSequence& initial, const Packet& packet) {
    if (states_.all_taken()) give_up_oldest();
    const std::uint32_t index = states_.take(inspection, flow);
    replay(inspection.handshake(), initial, packet, states_[index]);
    inspection.start(index);
  }

  void replay(const Handshake& handshake, const InitialSequence& initial, const Packet& packet, State& state) {
    const FlowKey key = flow_key(packet);
    std::array<std::uint8_t, kReplayOctets> rebuilt;
    for (std::uint8_t i = 0; i < handshake.count; ++i) {
      const std::size_t length =
          rebuild_packet(key, initial, direction_of(handshake.packets[i]), flags_of(handshake.packets[i]), rebuilt);
      process(state, rebuilt.data(), static_cast<std::uint16_t>(length), packet.time_ns);
    }
  }

  // Returns a verdict from addresses and ports alone. nDPI knows only the IPv4 addresses of hosts, so IPv6 addresses
  // are passed as 0 (unknown).
  Verdict guess(const FlowKey& key) {
    const std::uint32_t src = key.ip_version == 4 ? ipv4_of(key.ip_src) : 0;
    const std::uint32_t dst = key.ip_version == 4 ? ipv4_of(key.ip_dst) : 0;
    // Without ports, nDPI does not search for them.
    const bool with_ports = !ndpi::kUnknownPortsTellNothing || bittorrent_seen_ || telling_ports_.any_in(key);
    const auto guess_for = [&](std::uint32_t from, std::uint32_t to) {
      return ndpi::guess(module_.get(), key.ip_protocol, from, with_ports ? key.src_port : 0, to,
                         with_ports ? key.dst_port : 0);
    };
    const ndpi_protocol result = guess_for(src, dst);
    if (!is_known(result)) return verdict(result, false, NDPI_CONFIDENCE_UNKNOWN);
    // The confidence is by port if the ports alone give the same application.
    const bool by_port = ndpi::app_of(guess_for(0, 0)) == ndpi::app_of(result);
    return verdict(result, true, by_port ? NDPI_CONFIDENCE_MATCH_BY_PORT : NDPI_CONFIDENCE_MATCH_BY_IP);
  }

  void give_up_oldest() {
    counters_.add(Counter::kDpiPoolFull);
    give_up(*states_.oldest().owner);
  }

  void give_up(FlowInspection& inspection) {
    State& state = states_[inspection.state()];
    bool guessed = false;
    const ndpi_protocol result = ndpi::give_up(module_.get(), &state.flow, guessed);
    counters_.add(Counter::kDpiGivenUp);
    settle(inspection, verdict(result, guessed, state.flow.confidence));
  }

  void settle(FlowInspection& inspection, Verdict settled) {
    const State& state = states_[inspection.state()];
    if (target_.store != nullptr) keep_metadata(state);
    settled.cut_short = state.cut_short;
    if (settled.cut_short) counters_.add(Counter::kOverloadDpiLowered);
    states_.give_back(inspection.state());
    inspection.conclude(settled);
  }

  void keep_metadata(const State& state) {
    scratch_metadata_.clear();
    ndpi::append_metadata(state.flow, target_.left_out, scratch_metadata_);
    target_.store->append(state.owner_index, scratch_metadata_);
  }

  Verdict verdict(const ndpi_protocol& result, bool guessed, ndpi_confidence_t confidence) {
    return {.label = label_of(result), .confidence = static_cast<std::uint8_t>(confidence), .guessed = guessed};
  }

  // Returns the index of the result's names in names_. names_ has at most one element for each combination of master
  // protocol, application protocol and category.
  std::uint32_t label_of(const ndpi_protocol& result) {
    const std::uint16_t master = ndpi::master_of(result);
    const std::uint16_t app = ndpi::app_of(result);
    const auto category = static_cast<std::uint16_t>(result.category);
    const std::uint64_t id =
        static_cast<std::uint64_t>(master) << 32 | static_cast<std::uint64_t>(app) << 16 | category;
    const auto [known, is_new] = labels_.try_emplace(id, static_cast<std::uint32_t>(names_.size()));
    if (is_new) names_.push_back(names_of(master, app, category));
    assert(names_.size() <= FlowInspection::kMostLabels);
    return known->second;
  }

  Names names_of(std::uint16_t master, std::uint16_t app, std::uint16_t category) {
    std::array<char, 128> name{};
    ndpi::protocol_name(module_.get(), ndpi::protocol_of(master, app), name.data(), static_cast<unsigned>(name.size()));
    const char* category_name = ndpi_category_get_name(module_.get(), static_cast<ndpi_protocol_category_t>(category));
    return {intern(name.data()), intern(category_name == nullptr ? "" : category_name)};
  }

  const Config::Dpi& options_;
  const MetadataTarget target_;
  Counters& counters_;
  bool budget_lowered_ = false;
  ModulePointer module_;
  TellingPorts telling_ports_;
  bool bittorrent_seen_ = false;
  NdpiActivity activity_;
  std::optional<GuardedOctets> guard_;  // with dpi.guard
  TimeBudget time_budget_;
  StatePool states_;
  const std::int64_t most_heap_;
  std::string scratch_metadata_;  // a member, so that its memory is reused
  // Key: master protocol, application protocol and category in one number. Value: index in names_.
  std::unordered_map<std::uint64_t, std::uint32_t> labels_;
  std::vector<Names> names_;
};

Classifier::Classifier(const Config::Dpi& options, std::uint64_t workers, const MetadataTarget& target,
                       Counters& counters)
    : ndpi_(std::make_unique<Ndpi>(options, workers, target, counters)) {}

Classifier::~Classifier() = default;

std::string Classifier::version() { return ndpi_revision(); }

void Classifier::show_to_ndpi(FlowInspection& inspection, std::uint32_t flow, InitialSequence& initial,
                              const Packet& packet) {
  ndpi_->inspect(inspection, flow, initial, packet);
}
void Classifier::lower_budget(bool lower) { ndpi_->lower_budget(lower); }
Verdict Classifier::conclude(FlowInspection& inspection, const FlowKey& key, bool ends_flow) {
  return ndpi_->conclude(inspection, key, ends_flow);
}
std::uint8_t Classifier::confidence_in_ndpi_5(std::uint8_t confidence) {
  switch (confidence) {
    case NDPI_CONFIDENCE_MATCH_BY_PORT:
      return 1;
    case NDPI_CONFIDENCE_DPI_CACHE:
      return 5;
    case NDPI_CONFIDENCE_DPI:
      return 6;
    case NDPI_CONFIDENCE_MATCH_BY_IP:
      return 7;
    default:
      return confidence;
  }
}

Verdict Classifier::found(const FlowInspection& inspection) { return ndpi_->found(inspection); }
void Classifier::release(FlowInspection& inspection) { ndpi_->release(inspection); }
void Classifier::describe(const Verdict& verdict, FlowRecord& record) const { ndpi_->describe(verdict, record); }
void Classifier::append_metadata(const FlowInspection& inspection, std::string& octets) const {
  ndpi_->append_metadata(inspection, octets);
}

}  // namespace spanflow
