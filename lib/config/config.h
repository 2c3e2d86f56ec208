// The configuration of a run as plain data, with the defaults. The table of options in lib/options sets the values and
// defines their ranges. Sizes are in octets.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/units.h"
#include "config/sink_settings.h"
#include "spanflow/record.h"

namespace spanflow {

enum class Accounting : std::uint8_t { kLink, kIp, kTransport, kPayload };
enum class VlanKey : std::uint8_t { kNone, kOuter, kInner, kBoth };
enum class FlowDirection : std::uint8_t { kFirstPacket, kHandshake };

// The DPDK driver that captures from a kernel interface. kAuto never selects AF_XDP.
enum class KernelDriver : std::uint8_t { kAuto, kAfPacket, kAfXdp };

// The tunnels whose inner packets are metered.
class TunnelSet {
 public:
  static TunnelSet all() { return TunnelSet{bit(static_cast<TunnelType>(kTunnelTypes)) - 1}; }
  static TunnelSet none() { return TunnelSet{0}; }
  bool has(TunnelType type) const { return (bits_ & bit(type)) != 0; }
  bool empty() const { return bits_ == 0; }
  void add(TunnelType type) { bits_ |= bit(type); }
  bool operator==(const TunnelSet&) const = default;

 private:
  explicit TunnelSet(unsigned bits) : bits_(bits & ~bit(TunnelType::kNone)) {}
  static constexpr unsigned bit(TunnelType type) { return 1U << static_cast<unsigned>(type); }
  static_assert(kTunnelTypes < 32);
  unsigned bits_;
};

// The readers of payload. kTls also reads DTLS.
enum class PayloadReader : std::uint8_t { kTls, kQuic, kDns, kHttp, kSsh };
inline constexpr unsigned kPayloadReaders = static_cast<unsigned>(PayloadReader::kSsh) + 1;

class ReaderSet {
 public:
  static ReaderSet all() { return ReaderSet{(1U << kPayloadReaders) - 1}; }
  static ReaderSet none() { return ReaderSet{0}; }
  bool has(PayloadReader reader) const { return (bits_ >> static_cast<unsigned>(reader) & 1) != 0; }
  bool empty() const { return bits_ == 0; }
  void add(PayloadReader reader) { bits_ |= 1U << static_cast<unsigned>(reader); }
  bool operator==(const ReaderSet&) const = default;

 private:
  explicit ReaderSet(unsigned bits) : bits_(bits) {}
  unsigned bits_;
};

// The UDP ports of tunnels, where they differ from the usual ports.
using TunnelPorts = std::map<TunnelType, std::vector<std::uint64_t>>;

enum class MetricDirection : std::uint8_t { kBoth, kSrcToDst, kDstToSrc };

// One entry of `metrics`: either an aggregate, or the metric with this name in a shared object.
struct MetricConfig {
  std::string name;
  std::string aggregate;  // name of an aggregate (metrics/aggregates.h); empty for a shared object
  std::string quantity;   // name of a packet quantity; empty for a shared object
  std::string when;       // pcap-filter expression: only matching packets count; empty: every packet counts
  MetricDirection direction = MetricDirection::kBoth;
  std::string plugin;  // path of the shared object; empty for an aggregate
};

enum class LogFormat : std::uint8_t { kText, kJson };

// One entry of `sinks`.
struct SinkConfig {
  std::string type = "jsonl";
  std::vector<std::string> fields;  // names of fields; empty: the fields of output.fields
  std::uint64_t queue = 32'768;     // maximum number of records that wait for this sink
  SinkSettings settings;            // settings that only this type of sink has

  bool operator==(const SinkConfig&) const = default;
};

struct Config {
  std::string sensor_id;
  std::string user;  // name of the user to become once the input is open; empty: none
  std::string crash_folder = "auto";

  struct Input {
    std::vector<std::string> files;
    std::string interface;
    KernelDriver driver = KernelDriver::kAuto;
    std::vector<std::string> devices;
    std::string filter;
    Nanoseconds duration{0};           // 0: run to the end of the input
    std::vector<std::uint64_t> cores;  // CPUs of live workers; empty: the last CPUs
    bool busy_poll = false;
    std::vector<std::string> eal_arguments;
    std::uint64_t memory = 256ULL << 20;
    std::uint64_t ring_frames = 16'384;
    std::uint64_t frame_size = 2048;
  } input;

  std::uint64_t workers = 1;

  struct Decode {
    TunnelSet tunnels = TunnelSet::all();
    TunnelPorts tunnel_ports;
    std::uint64_t fragments = 4096;  // 0: later fragments become flows without ports
    Nanoseconds fragment_timeout = std::chrono::seconds{5};
    Nanoseconds deduplicate{0};  // 0: no deduplication
  } decode;

  struct FlowOptions {
    std::uint64_t capacity = 128'000;
    Nanoseconds active_timeout = std::chrono::seconds{120};
    Nanoseconds inactive_timeout = std::chrono::seconds{120};
    bool tcp_close = true;
    Nanoseconds tcp_linger = std::chrono::seconds{2};
    Accounting accounting = Accounting::kLink;
    VlanKey vlan_key = VlanKey::kInner;
    FlowDirection direction = FlowDirection::kFirstPacket;
    // False: the first packet after an active timeout ends the flow and begins another one, as in nfstream. A flow
    // without further packets ends with the inactive timeout. No option sets this.
    bool segments = true;
  } flow;

  ReaderSet inspect = ReaderSet::all();

  struct Dpi {
    bool enabled = true;
    std::uint64_t max_packets = 32;
    std::uint64_t max_packets_udp = 24;
    std::uint64_t max_flows = 65'536;
    bool metadata = true;
    std::string protocols_file;
    std::string categories_file;
    Nanoseconds time_budget = std::chrono::milliseconds{20};  // 0: no limit
    bool guard = false;
    std::uint64_t most_crashes = 5;  // 0: any number
    // The next two are no options: the daemon sets them, from the reports of crashes.
    std::vector<FlowKey> quarantined;
    bool suspended = false;
  } dpi;

  struct Features {
    bool statistics = false;
    std::uint64_t splt = 0;  // 0: no first packets are kept
    bool tcp = false;
    bool names = true;
    std::uint64_t names_memory = 64ULL << 20;
    std::uint64_t dns_names = 65'536;  // 0: no cache of names
    // Not an option: the pipeline sets this member if a sink's fields need gaps in ms.
    bool millisecond_gaps = false;
  } features;

  std::vector<MetricConfig> metrics;

  struct Overload {
    bool enabled = true;
    std::uint64_t max_sampling = 1024;  // 1: no sampling
  } overload;

  struct Output {
    std::vector<std::string> fields = {"full"};
    Nanoseconds max_delay = std::chrono::milliseconds{200};
    std::uint64_t community_id_seed = 0;
    bool spreadsheet_safe = false;
  } output;

  std::vector<SinkConfig> sinks;

  struct Telemetry {
    std::string listen = "127.0.0.1:9752";  // address of the Prometheus endpoint; empty: no endpoint
  } telemetry;

  struct Log {
    std::string level = "info";
    LogFormat format = LogFormat::kText;
  } log;

  struct Control {
    std::string socket = "auto";  // path, "auto" or "off"
  } control;

  // True if spanflow's readers read payload.
  bool reads_names() const { return features.names && !inspect.empty(); }
  // True if flows get names from DNS replies that were seen before.
  bool correlates_names() const { return reads_names() && inspect.has(PayloadReader::kDns) && features.dns_names > 0; }
  bool uses_ndpi() const { return dpi.enabled && !dpi.suspended; }
  // True if flows have metadata: from the readers or from nDPI.
  bool keeps_metadata() const { return reads_names() || (uses_ndpi() && dpi.metadata); }
};

}  // namespace spanflow
