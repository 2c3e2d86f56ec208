#include "dpi/classifier.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "base/intern.h"
#include "base/zeroed_array.h"
#include "dpi/metadata.h"
#include "dpi/ndpi_api.h"
#include "dpi/ndpi_metadata.h"
#include "dpi/replay.h"
#include "inspect/client_hello_watcher.h"
#include "inspect/ja4.h"

namespace spanflow {
namespace {

// Of 16 KiB each, which take memory once they are used.
constexpr std::uint32_t kHelloBuffers = 1024;

// While the worker is behind, nDPI gets one in so many of the packets it may look at: 8 of 32 by default.
constexpr std::uint32_t kLoweredBudgetPart = 4;

struct Names {
  std::string_view application;
  std::string_view category;
};

struct State {
  ndpi::FlowState flow;
  ndpi_protocol result;  // of the last packet
  FlowEntry* owner;
  bool cut_short;
  Links age;
};

// Its chain in the MetadataStore: there is none before the first payload.
std::uint32_t metadata_of(const FlowEntry& entry) {
  switch (entry.dpi_progress) {
    case DpiProgress::kNotStarted:
      break;
    case DpiProgress::kRunning:
      return entry.inspection.running.metadata;
    case DpiProgress::kDone:
      return entry.inspection.done.metadata;
  }
  return MetadataStore::kNone;
}

bool is_known(const ndpi_protocol& result) { return ndpi::app_of(result) != NDPI_PROTOCOL_UNKNOWN; }

std::uint64_t milliseconds(std::uint64_t nanoseconds) { return nanoseconds / 1'000'000; }

std::uint32_t ipv4_of(const IpAddress& address) {
  std::uint32_t in_network_order = 0;
  std::memcpy(&in_network_order, address.bytes.data(), sizeof in_network_order);
  return ntohl(in_network_order);
}

}  // namespace

// The module, its states (oldest first in a list, the rest in a chain) and the names already met.
class Classifier::Ndpi {
 public:
  Ndpi(const Config::Dpi& options, std::uint64_t workers, Counters& counters)
      : options_(options),
        counters_(counters),
        states_((options.max_flows + workers - 1) / workers),
        metadata_(options.metadata ? options.metadata_memory / workers : 0),
        hellos_(kHelloBuffers, counters),
        module_(make_module(options)) {}

  ~Ndpi() {
    for (std::uint32_t at = oldest_; at != kNoIndex; at = states_[at].age.next) ndpi_free_flow_data(&states_[at].flow);
  }

  void inspect(FlowEntry& entry, FlowDetails& details, const Packet& packet) {
    if (packet.later_fragment) return;
    if (entry.dpi_progress == DpiProgress::kNotStarted) {
      if (packet.key.ip_protocol == protocol::kTcp && packet.payload_size == 0 &&
          remember_packet(entry.inspection.handshake, details.initial_sequence, packet.direction, packet.tcp_flags,
                          packet.tcp_seq, packet.tcp_ack)) {
        return;
      }
      start(entry, details, milliseconds(packet.time_ns));
    }
    State& state = state_of(entry);
    const auto length = static_cast<std::uint16_t>(std::min<std::uint32_t>(packet.ip_captured, 0xffff));
    state.result = ndpi::process(module_.get(), &state.flow, packet.ip, length, milliseconds(packet.time_ns));
    const std::uint32_t packets = state.flow.num_processed_pkts;
    const bool known = is_known(state.result);
    const bool out_of_packets = state.flow.fail_with_unknown != 0 || packets >= budget(packet);
    const bool done = out_of_packets || (known && !more_to_learn(state));
    state.cut_short = !done && budget_lowered_ && packets >= budget(packet) / kLoweredBudgetPart;
    if (!done && !state.cut_short) return;
    if (!known) return give_up(entry);
    counters_.add(Counter::kDpiClassified);
    counters_.observe(HistogramId::kPacketsToVerdict, packets);
    settle(entry, state.result, false, state.flow.confidence);
  }

  void look_for_hello(FlowEntry& entry, const FlowDetails& details, const Packet& packet) {
    if (!options_.metadata || packet.key.ip_protocol != protocol::kTcp) return entry.hello.give_up();
    if (packet.later_fragment) return;
    const auto side = static_cast<std::size_t>(packet.direction);
    std::optional<std::uint32_t> syn_sequence;
    if ((entry.syn_seen & HelloWatch::bit(packet.direction)) != 0) syn_sequence = details.initial_sequence[side];
    const auto hello = hellos_.add(entry.hello, packet, syn_sequence);
    if (!hello) return;
    scratch_metadata_.clear();
    put(scratch_metadata_, Metadata::kTlsServerName, hello->server_name.value_or(std::string_view{}));
    put(scratch_metadata_, Metadata::kJa4, ja4_.of(*hello));
    keep_scratch_metadata(entry);
  }

  void lower_budget(bool lower) { budget_lowered_ = lower; }

  Verdict conclude(FlowEntry& entry, bool ends_flow) {
    if (entry.dpi_progress == DpiProgress::kRunning) {
      State& state = state_of(entry);
      if (!ends_flow) {
        return is_known(state.result) ? verdict(state.result, false, state.flow.confidence) : guess(entry.key);
      }
      give_up(entry);
    } else if (entry.dpi_progress == DpiProgress::kNotStarted) {
      const Verdict guessed = guess(entry.key);
      if (!ends_flow) return guessed;
      counters_.add(Counter::kDpiGivenUp);
      conclude(entry, guessed, MetadataStore::kNone);
    }
    return entry.inspection.done.verdict;
  }

  void release(FlowEntry& entry) {
    release_state(entry);
    hellos_.release(entry.hello);
    std::uint32_t metadata = metadata_of(entry);
    metadata_.release(metadata);
  }

  void describe(const FlowEntry& entry, const Verdict& verdict, FlowRecord& record, FlowExtras* extras) {
    const Names& names = names_[verdict.label];
    record.application_name = names.application;
    record.category_name = names.category;
    record.application_confidence = static_cast<std::uint8_t>(verdict.confidence);
    record.application_is_guessed = verdict.guessed != 0;
    if (verdict.cut_short != 0) record.overload |= kShedDpi;
    if (extras == nullptr) return;
    metadata_.read(metadata_of(entry), extras->metadata.octets);
    if (options_.metadata && entry.dpi_progress == DpiProgress::kRunning) {
      ndpi::append_metadata(state_of(entry).flow, extras->metadata.octets);
    }
    extras->metadata.note_keys();
  }

 private:
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
      // nDPI would say why on standard output, among the records.
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

  std::uint32_t budget(const Packet& packet) const {
    return static_cast<std::uint32_t>(packet.key.ip_protocol == protocol::kUdp ? options_.max_packets_udp
                                                                               : options_.max_packets);
  }

  bool more_to_learn(State& state) { return ndpi_extra_dissection_possible(module_.get(), &state.flow) != 0; }

  State& state_of(const FlowEntry& entry) { return states_[entry.inspection.running.state]; }

  // Takes a state and shows it the packets without payload that came before.
  void start(FlowEntry& entry, const FlowDetails& details, std::uint64_t time_ms) {
    const std::uint32_t index = take_state();
    State& state = states_[index];
    state.owner = &entry;
    replay(entry, details, state.flow, time_ms);
    entry.inspection.running = {.state = index, .metadata = MetadataStore::kNone};
    entry.dpi_progress = DpiProgress::kRunning;
  }

  void replay(const FlowEntry& entry, const FlowDetails& details, ndpi::FlowState& flow, std::uint64_t time_ms) {
    const Handshake& handshake = entry.inspection.handshake;
    std::array<std::uint8_t, kReplayOctets> packet;
    for (std::uint8_t i = 0; i < handshake.count; ++i) {
      const std::size_t length = rebuild_packet(entry.key, details.initial_sequence, direction_of(handshake.packets[i]),
                                                flags_of(handshake.packets[i]), packet);
      ndpi::process(module_.get(), &flow, packet.data(), static_cast<std::uint16_t>(length), time_ms);
    }
  }

  // What addresses and ports alone say. nDPI knows hosts by their IPv4 address.
  Verdict guess(const FlowKey& key) {
    const std::uint32_t src = key.ip_version == 4 ? ipv4_of(key.ip_src) : 0;
    const std::uint32_t dst = key.ip_version == 4 ? ipv4_of(key.ip_dst) : 0;
    const auto guess_for = [&](std::uint32_t from, std::uint32_t to) {
      return ndpi::guess(module_.get(), key.ip_protocol, from, key.src_port, to, key.dst_port);
    };
    const ndpi_protocol result = guess_for(src, dst);
    if (!is_known(result)) return verdict(result, false, NDPI_CONFIDENCE_UNKNOWN);
    const bool by_port = ndpi::app_of(guess_for(0, 0)) == ndpi::app_of(result);
    return verdict(result, true, by_port ? NDPI_CONFIDENCE_MATCH_BY_PORT : NDPI_CONFIDENCE_MATCH_BY_IP);
  }

  void give_up(FlowEntry& entry) {
    State& state = state_of(entry);
    bool guessed = false;
    const ndpi_protocol result = ndpi::give_up(module_.get(), &state.flow, guessed);
    counters_.add(Counter::kDpiGivenUp);
    settle(entry, result, guessed, state.flow.confidence);
  }

  void settle(FlowEntry& entry, const ndpi_protocol& result, bool guessed, ndpi_confidence_t confidence) {
    if (options_.metadata) keep_metadata(entry);
    Verdict settled = verdict(result, guessed, confidence);
    settled.cut_short = state_of(entry).cut_short ? 1 : 0;
    if (settled.cut_short != 0) counters_.add(Counter::kOverloadDpiLowered);
    release_state(entry);
    conclude(entry, settled, entry.inspection.running.metadata);
  }

  static void conclude(FlowEntry& entry, const Verdict& verdict, std::uint32_t metadata) {
    entry.inspection.done = {.verdict = verdict, .metadata = metadata};
    entry.dpi_progress = DpiProgress::kDone;
  }

  void keep_metadata(FlowEntry& entry) {
    scratch_metadata_.clear();
    ndpi::append_metadata(state_of(entry).flow, scratch_metadata_);
    keep_scratch_metadata(entry);
  }

  void keep_scratch_metadata(FlowEntry& entry) {
    const bool running = entry.dpi_progress == DpiProgress::kRunning;
    std::uint32_t& chain = running ? entry.inspection.running.metadata : entry.inspection.done.metadata;
    if (!metadata_.append(chain, scratch_metadata_)) counters_.add(Counter::kDpiMetadataFull);
  }

  void release_state(FlowEntry& entry) {
    if (entry.dpi_progress != DpiProgress::kRunning) return;
    State& state = state_of(entry);
    ndpi_free_flow_data(&state.flow);
    unlink(state.age);
    state.age.next = free_;
    free_ = entry.inspection.running.state;
  }

  Verdict verdict(const ndpi_protocol& result, bool guessed, ndpi_confidence_t confidence) {
    return {
        .label = label_of(result), .guessed = guessed ? 1U : 0U, .confidence = static_cast<std::uint8_t>(confidence)};
  }

  std::uint32_t take_state() {
    if (free_ == kNoIndex && unused_ == states_.size()) {
      counters_.add(Counter::kDpiPoolFull);
      give_up(*states_[oldest_].owner);
    }
    std::uint32_t index = free_;
    if (index != kNoIndex) {
      free_ = states_[index].age.next;
    } else {
      index = unused_++;
    }
    State& state = *std::construct_at(&states_[index]);  // zeroed in its place
    state.age = {.previous = newest_, .next = kNoIndex};
    (newest_ == kNoIndex ? oldest_ : states_[newest_].age.next) = index;
    newest_ = index;
    return index;
  }

  void unlink(const Links& age) {
    (age.previous == kNoIndex ? oldest_ : states_[age.previous].age.next) = age.next;
    (age.next == kNoIndex ? newest_ : states_[age.next].age.previous) = age.previous;
  }

  // Where its names are in the list; there are as many as nDPI can tell apart, at most.
  std::uint32_t label_of(const ndpi_protocol& result) {
    const std::uint16_t master = ndpi::master_of(result);
    const std::uint16_t app = ndpi::app_of(result);
    const auto category = static_cast<std::uint16_t>(result.category);
    const std::uint64_t id =
        static_cast<std::uint64_t>(master) << 32 | static_cast<std::uint64_t>(app) << 16 | category;
    const auto [known, is_new] = labels_.try_emplace(id, static_cast<std::uint32_t>(names_.size()));
    if (is_new) names_.push_back(names_of(master, app, category));
    return known->second;
  }

  Names names_of(std::uint16_t master, std::uint16_t app, std::uint16_t category) {
    std::array<char, 128> name{};
    ndpi::protocol_name(module_.get(), ndpi::protocol_of(master, app), name.data(), static_cast<unsigned>(name.size()));
    const char* category_name = ndpi_category_get_name(module_.get(), static_cast<ndpi_protocol_category_t>(category));
    return {intern(name.data()), intern(category_name == nullptr ? "" : category_name)};
  }

  const Config::Dpi& options_;
  Counters& counters_;
  bool budget_lowered_ = false;
  ZeroedArray<State> states_;
  std::uint32_t unused_ = 0;
  std::uint32_t free_ = kNoIndex;
  std::uint32_t oldest_ = kNoIndex;
  std::uint32_t newest_ = kNoIndex;
  MetadataStore metadata_;
  std::string scratch_metadata_;  // keeps its memory from flow to flow
  ClientHelloWatcher hellos_;
  Ja4 ja4_;
  std::unordered_map<std::uint64_t, std::uint32_t> labels_;  // an application and category: its place in names_
  std::vector<Names> names_;
  ModulePointer module_;
};

Classifier::Classifier(const Config::Dpi& options, std::uint64_t workers, Counters& counters)
    : ndpi_(std::make_unique<Ndpi>(options, workers, counters)) {}

Classifier::~Classifier() = default;

std::string Classifier::version() { return ndpi_revision(); }

void Classifier::show_to_ndpi(FlowEntry& entry, FlowDetails& details, const Packet& packet) {
  ndpi_->inspect(entry, details, packet);
}
void Classifier::look_for_hello(FlowEntry& entry, const FlowDetails& details, const Packet& packet) {
  ndpi_->look_for_hello(entry, details, packet);
}
void Classifier::lower_budget(bool lower) { ndpi_->lower_budget(lower); }
Verdict Classifier::conclude(FlowEntry& entry, bool ends_flow) { return ndpi_->conclude(entry, ends_flow); }
void Classifier::release(FlowEntry& entry) { ndpi_->release(entry); }
void Classifier::describe(const FlowEntry& entry, const Verdict& verdict, FlowRecord& record, FlowExtras* extras) {
  ndpi_->describe(entry, verdict, record, extras);
}

}  // namespace spanflow
