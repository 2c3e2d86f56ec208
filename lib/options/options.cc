#include "options/options.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <set>

#include "base/utf8.h"
#include "capture/filter.h"
#include "decode/tunnel_names.h"
#include "decode/tunnels.h"
#include "metrics/aggregates.h"
#include "metrics/conditions.h"
#include "metrics/metric_set.h"
#include "options/sink_options.h"
#include "options/value_types.h"
#include "options/yaml_scalar.h"

namespace spanflow {
namespace {

using namespace values;

ValueType<std::string> filter() {
  auto type = text();
  type.expected = "a pcap-filter expression";
  type.read = [read = type.read, expected = type.expected](const YAML::Node& node) {
    std::string expression = read(node);
    const std::string error = filter_error(expression);
    if (!error.empty()) throw OptionError{.expected = expected, .hint = " (" + shortened(error) + ")"};
    return expression;
  };
  return type;
}

// The value is a boolean or a list of names. The names are shown in the order of tunnel_names().
ValueType<TunnelSet> tunnels() {
  std::vector<std::string> names;
  for (const auto& [type, name] : tunnel_names()) names.emplace_back(name);
  const std::string expected = fmt::format("true, false or a list of {}", fmt::join(names, ", "));
  return {expected,
          fmt::format(R"("oneOf": [{{"type": "boolean"}}, {{"type": "array", "items": {{"enum": [{}]}}}}])",
                      quoted_list(names)),
          [=](const YAML::Node& node) {
            if (node.IsScalar()) {
              try {
                return boolean().read(node) ? TunnelSet::all() : TunnelSet::none();
              } catch (const OptionError&) {
                throw OptionError{.expected = expected};
              }
            }
            TunnelSet set = TunnelSet::none();
            for (const std::string& name : list_of(word_of(names)).read(node)) set.add(*tunnel_named(name));
            return set;
          },
          [](const TunnelSet& set) {
            if (set == TunnelSet::all()) return std::string{"true"};
            if (set.empty()) return std::string{"false"};
            std::vector<std::string_view> shown;
            for (const auto& [type, name] : tunnel_names()) {
              if (set.has(type)) shown.push_back(name);
            }
            return fmt::format("[{}]", fmt::join(shown, ", "));
          }};
}

constexpr std::array<std::pair<PayloadReader, std::string_view>, kPayloadReaders> kReaderNames = {
    {{PayloadReader::kTls, "tls"},
     {PayloadReader::kQuic, "quic"},
     {PayloadReader::kDns, "dns"},
     {PayloadReader::kHttp, "http"},
     {PayloadReader::kSsh, "ssh"}}};

// The value is a list of names.
ValueType<ReaderSet> readers() {
  std::vector<std::string> names;
  for (const auto& [reader, name] : kReaderNames) names.emplace_back(name);
  const auto list = list_of(word_of(names));
  return {fmt::format("a list of {}", fmt::join(names, ", ")), list.schema,
          [=](const YAML::Node& node) {
            ReaderSet set = ReaderSet::none();
            for (const std::string& name : list.read(node)) {
              set.add(std::ranges::find(kReaderNames, name, [](const auto& row) { return row.second; })->first);
            }
            return set;
          },
          [](const ReaderSet& set) {
            std::vector<std::string_view> shown;
            for (const auto& [reader, name] : kReaderNames) {
              if (set.has(reader)) shown.push_back(name);
            }
            return fmt::format("[{}]", fmt::join(shown, ", "));
          }};
}

// The value is a mapping from tunnels over UDP to their ports. It has only the tunnels whose ports are not the usual
// ones.
ValueType<TunnelPorts> tunnel_ports() {
  std::vector<std::string> names;
  for (const UdpTunnel& tunnel : udp_tunnels()) {
    if (names.empty() || names.back() != name_of(tunnel.type)) names.emplace_back(name_of(tunnel.type));
  }
  const std::string expected =
      fmt::format("a mapping from tunnels to lists of UDP ports; tunnels: {}", fmt::join(names, ", "));
  const auto ports = list_of(whole_number(1, 65'535));
  return {expected,
          fmt::format(R"("type": "object", "propertyNames": {{"enum": [{}]}}, "additionalProperties": {{{}}})",
                      quoted_list(names), ports.schema),
          [=](const YAML::Node& node) {
            if (!node.IsMap()) throw OptionError{.expected = expected};
            TunnelPorts chosen;
            for (const auto& entry : node) {
              const std::string name = entry.first.Scalar();
              const auto type = tunnel_named(name);
              const bool is_udp = std::ranges::find(names, name) != names.end();
              if (!is_udp || !type || chosen.contains(*type)) {
                OptionError error{
                    .name_suffix = "." + name,
                    .complaint = is_udp ? "given twice" : "not a tunnel over UDP" + did_you_mean(name, names)};
                place(error, entry.first);
                throw error;
              }
              try {
                chosen[*type] = ports.read(entry.second);
              } catch (OptionError& error) {
                place(error, entry.second);
                error.name_suffix = "." + name + error.name_suffix;
                throw;
              }
            }
            return chosen;
          },
          [=](const TunnelPorts& chosen) {
            std::vector<std::string> shown;
            for (const auto& [type, numbers] : chosen)
              shown.push_back(fmt::format("{}: {}", name_of(type), ports.show(numbers)));
            return fmt::format("{{{}}}", fmt::join(shown, ", "));
          }};
}

// The key of a metric that names its aggregate, such as `sum` in "sum: size". It sets the metric's aggregate and
// quantity.
MemberOption<MetricConfig> aggregate(const AggregateType& type) {
  std::vector<std::string> names;
  for (const QuantityType& quantity : quantity_types()) {
    if (!quantity.countable_only || type.takes_countable_only) names.emplace_back(quantity.name);
  }
  const auto words = word_of(names);
  return {std::string(type.name),
          std::string(type.help),
          words.schema,
          [words, name = type.name](MetricConfig& metric, const YAML::Node& node) {
            if (!metric.aggregate.empty()) throw OptionError{.complaint = "a metric has one aggregate only"};
            metric.aggregate = name;
            metric.quantity = words.read(node);
          },
          [words, name = type.name](const MetricConfig& metric) {
            return metric.aggregate == name ? words.show(metric.quantity) : std::string{};
          },
          words.expected};
}

// Returns the names of all aggregates, with `before` in front of each name and `after` behind it.
std::string list_of_aggregates(std::string_view before = "", std::string_view after = "") {
  std::vector<std::string> listed;
  for (const AggregateType& type : aggregate_types()) listed.push_back(fmt::format("{}{}{}", before, type.name, after));
  return fmt::format("{}", fmt::join(listed, ", "));
}

ValueType<std::string> metric_name() {
  const std::string expected = "a name of letters, digits and _";
  return {expected, R"("type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$")",
          [expected](const YAML::Node& node) {
            std::string name = scalar_of(node, expected);
            if (!is_metric_name(name)) throw OptionError{.expected = expected};
            return name;
          },
          [](const std::string& name) { return yaml_scalar(name); }};
}

// Returns what is wrong with the combination of a metric's keys, or an empty text.
std::string complaint_about(const MetricConfig& metric) {
  if (metric.name.empty()) return "a metric needs a name";
  const bool aggregates = !metric.aggregate.empty();
  if (metric.plugin.empty()) {
    return aggregates ? "" : fmt::format("a metric needs one of {} or plugin", list_of_aggregates());
  }
  const bool alone = !aggregates && metric.when.empty() && metric.direction == MetricDirection::kBoth;
  return alone ? "" : "a metric with a plugin has no other key than name";
}

ValueType<MetricConfig> metric() {
  std::vector<MemberOption<MetricConfig>> members{
      member("name", &MetricConfig::name, metric_name(), "name of the metric in records")};
  for (const AggregateType& each : aggregate_types()) members.push_back(aggregate(each));
  members.push_back(
      member("when", &MetricConfig::when, filter(), "pcap-filter expression: only matching packets count"));
  members.push_back(member("direction", &MetricConfig::direction,
                           choice<MetricDirection>({{"both", MetricDirection::kBoth},
                                                    {"src_to_dst", MetricDirection::kSrcToDst},
                                                    {"dst_to_src", MetricDirection::kDstToSrc}}),
                           "only packets of this direction count"));
  members.push_back(
      member("plugin", &MetricConfig::plugin, text(), "shared object that defines the metric of this name"));
  auto type = mapping<MetricConfig>(members, "a metric");
  type.schema += fmt::format(R"(, "required": ["name"], "oneOf": [{}, {{"required": ["plugin"]}}])",
                             list_of_aggregates(R"({"required": [")", R"("]})"));
  type.read = [read = type.read](const YAML::Node& node) {
    MetricConfig metric = read(node);
    if (std::string complaint = complaint_about(metric); !complaint.empty()) {
      throw OptionError{.complaint = std::move(complaint)};
    }
    return metric;
  };
  return type;
}

ValueType<std::vector<MetricConfig>> metrics() {
  auto list = list_of(metric());
  list.read = [read = list.read](const YAML::Node& node) {
    auto metrics = read(node);
    std::set<std::string> names;
    std::set<std::string> conditions;
    for (std::size_t at = 0; at < metrics.size(); ++at) {
      const bool known_name = !names.insert(metrics[at].name).second;
      conditions.insert(metrics[at].when);
      conditions.erase("");
      if (!known_name && conditions.size() <= kMostConditions) continue;
      OptionError error{.name_suffix = fmt::format("[{}].{}", at, known_name ? "name" : "when"),
                        .complaint = known_name ? metrics[at].name + " is given twice"
                                                : fmt::format("more than {} different ones", kMostConditions)};
      place(error, node[at][known_name ? "name" : "when"]);
      throw error;
    }
    return metrics;
  };
  return list;
}

bool is_port(std::string_view digits) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  return digits.size() <= 5 && error == std::errc() && end == digits.data() + digits.size() && port >= 1 &&
         port <= 65'535;
}

bool is_host(std::string_view host) {
  const bool ipv6 = host.starts_with('[') && host.ends_with(']');
  if (ipv6) host = host.substr(1, host.size() - 2);
  return !host.empty() && std::ranges::all_of(host, [ipv6](unsigned char c) {
    return c == '.' || (ipv6 ? c == ':' || std::isxdigit(c) != 0 : c == '-' || std::isalnum(c) != 0);
  });
}

bool is_listen_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  return colon != std::string_view::npos && is_host(text.substr(0, colon)) && is_port(text.substr(colon + 1));
}

// The form of a listen address, for the JSON Schema. The pattern does not check that the port is from 1 to 65,535.
constexpr std::string_view kListenPattern = R"(^(\\[[0-9A-Fa-f:.]+\\]|[0-9A-Za-z.-]+):[0-9]{1,5}$)";

// The value "off" is stored as an empty text.
ValueType<std::string> listen_address() {
  const std::string expected = "off, or HOST:PORT; in quotes if HOST is an IPv6 address in brackets";
  return {
      expected,
      fmt::format(R"("oneOf": [{{"enum": ["off", false]}}, {{"type": "string", "pattern": "{}"}}])", kListenPattern),
      [expected](const YAML::Node& node) {
        std::string text = scalar_of(node, expected);
        if (text == "off" || text == "false") return std::string{};
        if (!is_listen_address(text)) throw OptionError{.expected = expected};
        return text;
      },
      [](const std::string& address) { return address.empty() ? "off" : yaml_scalar(address); }};
}

template <typename Member, typename T>
Option option(std::string name, Member& (*access)(Config&), const ValueType<T>& type, std::string help,
              bool reloads = false) {
  return {std::move(name),
          type.expected,
          type.schema,
          std::move(help),
          [=](Config& config, const YAML::Node& node) { access(config) = type.read(node); },
          [=](const Config& config) { return type.show(access(const_cast<Config&>(config))); },
          type.members,
          [=](const Config& from, Config& to) { access(to) = access(const_cast<Config&>(from)); },
          reloads};
}

// NAME is the option's dotted name and also the path of its member in Config, so name and path cannot differ. The +
// converts the lambda to a function pointer. The compiler then instantiates option() once for each type of value, and
// not for each option.
#define OPTION(NAME, TYPE, ...) \
  option(                       \
      #NAME, +[](Config & config) -> auto& { return config.NAME; }, TYPE, __VA_ARGS__)

constexpr bool kReloads = true;

std::vector<Option> make_options() {
  constexpr std::uint64_t kMostFlows = 1ULL << 30;
  return {
      OPTION(sensor_id, text(), "name of this observation point; part of every flow_id, and a field if set"),
      OPTION(user, text(), "if started as root: user that the process becomes once the input is open"),
      OPTION(crash_folder, text(),
             "folder for reports of crashes, see docs/security.md; auto: crashes in the state folder that systemd "
             "creates; off: no reports"),
      OPTION(workers, whole_number(1, 128), "number of metering threads, each with its own flow table"),
      OPTION(input.files, list_of(text()), "capture files, read in order as one capture; - is standard input"),
      OPTION(input.interface, text(), "kernel interface to capture from"),
      OPTION(input.driver,
             choice<KernelDriver>({{"auto", KernelDriver::kAuto},
                                   {"af_packet", KernelDriver::kAfPacket},
                                   {"af_xdp", KernelDriver::kAfXdp}}),
             "DPDK driver for the interface; af_xdp takes the packets away from the kernel, auto never does"),
      OPTION(input.devices, list_of(text()), "DPDK devices: PCI addresses or vdev strings"),
      OPTION(input.filter, filter(),
             "pcap-filter expression; packets that do not match are counted as ignored.filtered", kReloads),
      OPTION(input.duration, duration(Nanoseconds{0}), "stop after this time; 0: run to the end of the input"),
      OPTION(input.cores, list_of(whole_number(0, 1023)), "CPUs for live workers, one each; empty: the last CPUs"),
      OPTION(input.busy_poll, boolean(), "live workers never sleep, even without traffic"),
      OPTION(input.memory, size(32ULL << 20, 1ULL << 40), "memory for DPDK's packet buffers"),
      OPTION(input.ring_frames, whole_number(256, 1'048'576), "with af_packet, number of frames in the kernel's ring"),
      OPTION(input.frame_size, whole_number(256, 32'768),
             "octets kept of each frame in the kernel's ring; a power of two, larger if the MTU needs it"),
      OPTION(input.eal_arguments, list_of(text()), "more arguments for DPDK's EAL; see DPDK's documentation"),
      OPTION(decode.tunnels, tunnels(),
             "tunnels whose inner packets are metered; of other tunnels, the outer packets are metered"),
      OPTION(decode.tunnel_ports, tunnel_ports(),
             "UDP ports of tunnels that do not use their usual ports, such as {vxlan: [4789, 8472]}"),
      OPTION(decode.fragments, whole_number(0, 1'048'576),
             "most fragmented datagrams tracked at the same time, and most later fragments held until their first one "
             "arrives; 0: later fragments become flows without ports"),
      OPTION(decode.fragment_timeout, duration(std::chrono::milliseconds{1}),
             "longest time between the first fragment of a datagram and a later one; also how long a later fragment "
             "that comes too early waits for the first one"),
      OPTION(decode.deduplicate, or_off(duration(std::chrono::microseconds{1}, std::chrono::seconds{1})),
             "a packet seen again within this time, on any VLAN, is only counted as ignored.duplicate"),
      OPTION(flow.capacity, whole_number(1, kMostFlows),
             "flows in all tables together, 192 octets each; when full, the least recently used flow is exported, "
             "flows with packets in both directions last"),
      OPTION(flow.active_timeout, duration(std::chrono::milliseconds{1}),
             "a flow that has lasted this long is exported and continues as the next segment", kReloads),
      OPTION(flow.inactive_timeout, duration(std::chrono::milliseconds{1}), "a flow without packets for this long ends",
             kReloads),
      OPTION(flow.tcp_close, boolean(), "end a TCP flow at FIN in both directions or RST"),
      OPTION(flow.tcp_linger, duration(Nanoseconds{0}),
             "how long a closed TCP flow still accepts late packets; at most 39 hours", kReloads),
      OPTION(flow.accounting,
             choice<Accounting>({{"link", Accounting::kLink},
                                 {"ip", Accounting::kIp},
                                 {"transport", Accounting::kTransport},
                                 {"payload", Accounting::kPayload}}),
             "src_to_dst_bytes and dst_to_src_bytes count octets from this layer's header on"),
      OPTION(flow.vlan_key,
             choice<VlanKey>({{"none", VlanKey::kNone},
                              {"outer", VlanKey::kOuter},
                              {"inner", VlanKey::kInner},
                              {"both", VlanKey::kBoth}}),
             "802.1Q tags that are part of the flow key"),
      OPTION(flow.direction,
             choice<FlowDirection>(
                 {{"first_packet", FlowDirection::kFirstPacket}, {"handshake", FlowDirection::kHandshake}}),
             "src is the sender of the first packet, or the opener of the TCP connection"),
      OPTION(inspect, readers(), "protocols whose payload spanflow's own readers read; tls includes DTLS"),
      OPTION(dpi.enabled, boolean(), "classify the application of each flow with nDPI"),
      OPTION(dpi.max_packets, whole_number(1, 32), "packets of a flow that nDPI inspects before it gives up"),
      OPTION(dpi.max_packets_udp, whole_number(1, 32), "packets of a UDP flow that nDPI inspects before it gives up"),
      OPTION(dpi.max_flows, whole_number(1, kMostFlows),
             "flows in classification at the same time, over all workers; when full, the oldest is given up"),
      OPTION(dpi.metadata, boolean(),
             "keep what only nDPI finds: server names of other protocols, risks, and the fields of readers that "
             "inspect leaves out"),
      OPTION(dpi.time_budget, duration(Nanoseconds{0}),
             "CPU time that nDPI may need for one packet; a flow with a slower packet is given up; 0: no limit"),
      OPTION(
          dpi.guard, boolean(),
          "give nDPI each packet in front of a memory page that cannot be read, so that a read behind the packet ends "
          "the process and is reported; for tests and for the search of faults"),
      OPTION(
          dpi.most_crashes, whole_number(0, 1000),
          "crashes of nDPI within an hour, after which spanflowd starts without nDPI; 0: it always starts with nDPI"),
      OPTION(dpi.protocols_file, text(), "nDPI protocols file with your own rules"),
      OPTION(dpi.categories_file, text(), "nDPI categories file with your own rules"),
      OPTION(features.statistics, boolean(), "statistics of packet sizes, gaps and TCP flags per flow"),
      OPTION(features.splt, whole_number(0, 255),
             "number of first packets of a segment whose direction, size and gap are kept"),
      OPTION(features.tcp, boolean(), "round-trip times, retransmissions, windows and history of TCP flows"),
      OPTION(features.names, boolean(),
             "read names, fingerprints, requests and answers from the payload; inspect says of which protocols"),
      OPTION(features.names_memory, size(1ULL << 20, 256ULL << 30),
             "memory limit for what is read from the payload of all flows, and for nDPI's metadata"),
      OPTION(features.dns_names, whole_number(0, 1ULL << 24),
             "answers of DNS to remember, so that a flow without a name gets dns_name; 320 octets each; 0: none"),
      OPTION(overload.enabled, boolean(),
             "a live worker that falls behind does less work per flow and marks the records"),
      OPTION(overload.max_sampling, power_of_two(1, 32'768),
             "under overload, meter at least one in max_sampling new flows; 1: never sample"),
      OPTION(metrics, metrics(), "your own metrics for each flow, see docs/metrics.md"),
      OPTION(output.fields, field_selection(), "fields of a record, for sinks without their own list", kReloads),
      OPTION(output.max_delay, duration(std::chrono::milliseconds{1}),
             "how long a live record may wait before it is passed on", kReloads),
      OPTION(output.community_id_seed, whole_number(0, 65'535),
             "seed of community_id; use the same one in all tools whose ids you compare"),
      OPTION(output.spreadsheet_safe, boolean(),
             "csv: put an apostrophe before texts that begin with = + - @, which spreadsheets would run as formulas"),
      OPTION(sinks, list_of(sink()), "targets of the records", kReloads),
      OPTION(telemetry.listen, listen_address(), "address where a live run serves Prometheus metrics, at /metrics"),
      OPTION(control.socket, text(),
             "socket for spanflowctl; auto: control.sock in the runtime folder that systemd creates; off: no socket"),
      OPTION(log.level, word_of({"debug", "info", "warning", "error"}), "least severe messages that are logged",
             kReloads),
      OPTION(log.format, choice<LogFormat>({{"text", LogFormat::kText}, {"json", LogFormat::kJson}}),
             "format of log messages on standard error (when not under systemd)"),
  };
}

#undef OPTION

}  // namespace

const std::vector<Option>& options() {
  static const std::vector<Option> table = make_options();
  return table;
}

const Option* find_option(std::string_view name) {
  const auto& table = options();
  const auto found = std::find_if(table.begin(), table.end(), [name](const Option& each) { return each.name == name; });
  return found == table.end() ? nullptr : &*found;
}

std::string described(const YAML::Node& node) {
  if (!node.IsDefined() || node.IsNull()) return "nothing";
  if (node.IsScalar()) return fmt::format("\"{}\"", shortened(node.Scalar()));
  return node.IsMap() ? "a mapping" : "a list";
}

}  // namespace spanflow
