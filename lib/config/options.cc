#include "config/options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <limits>
#include <set>

#include "capture/filter.h"
#include "decode/tunnel_names.h"
#include "metrics/conditions.h"
#include "metrics/metric_set.h"
#include "sinks/field_table.h"
#include "sinks/sink.h"

namespace spanflow {
namespace {

// A value type: what it expects, its schema, how it is read from a scalar and shown as one. The options below differ
// only in which member they bind and in bounds.
template <typename T>
struct ValueType {
  std::string expected;
  std::string schema;
  std::function<T(const YAML::Node&)> read;
  std::function<std::string(const T&)> show;
};

std::string scalar_of(const YAML::Node& node, const std::string& expected) {
  if (!node.IsScalar()) throw OptionError{.expected = expected};
  return node.Scalar();
}

ValueType<bool> boolean() {
  const std::string expected = "true or false";
  return {expected, R"("type": "boolean")",
          [expected](const YAML::Node& node) {
            const std::string text = scalar_of(node, expected);
            if (text == "true" || text == "yes" || text == "on") return true;
            if (text == "false" || text == "no" || text == "off") return false;
            throw OptionError{.expected = expected};
          },
          [](const bool& value) { return value ? "true" : "false"; }};
}

ValueType<std::uint64_t> whole_number(std::uint64_t least, std::uint64_t most) {
  const std::string expected = fmt::format("a whole number from {} to {}", least, most);
  return {expected, fmt::format(R"("type": "integer", "minimum": {}, "maximum": {})", least, most),
          [=](const YAML::Node& node) {
            const std::string text = scalar_of(node, expected);
            std::uint64_t value = 0;
            const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
            if (error != std::errc{} || end != text.data() + text.size() || value < least || value > most) {
              throw OptionError{.expected = expected};
            }
            return value;
          },
          [](const std::uint64_t& value) { return std::to_string(value); }};
}

ValueType<std::uint64_t> power_of_two(std::uint64_t least, std::uint64_t most) {
  auto type = whole_number(least, most);
  type.expected = fmt::format("a power of two from {} to {}", least, most);
  type.read = [read = type.read, expected = type.expected](const YAML::Node& node) {
    const std::uint64_t value = read(node);
    if (!std::has_single_bit(value)) throw OptionError{.expected = expected};
    return value;
  };
  return type;
}

ValueType<std::uint64_t> size(std::uint64_t least, std::uint64_t most) {
  const std::string expected =
      fmt::format("a size such as 64MiB, from {} to {}", format_size(least), format_size(most));
  return {expected, R"("type": ["string", "integer"], "pattern": "^[0-9.]+ ?([kMGT]?B|[KMGT]iB)?$")",
          [=](const YAML::Node& node) {
            const auto value = parse_size(scalar_of(node, expected));
            if (!value || *value < least || *value > most) throw OptionError{.expected = expected};
            return *value;
          },
          [](const std::uint64_t& value) { return format_size(value); }};
}

ValueType<Nanoseconds> duration(Nanoseconds least) {
  constexpr Nanoseconds kMost = std::chrono::hours{24} * 365 * 100;
  const std::string expected = fmt::format("a duration with its unit, such as 120s, 2m or 500ms{}",
                                           least.count() > 0 ? ", of at least " + format_duration(least) : "");
  return {expected, R"("type": ["string", "integer"], "pattern": "^([0-9.]+ ?(ns|us|ms|s|m|h|d)|0)$")",
          [=](const YAML::Node& node) {
            const auto value = parse_duration(scalar_of(node, expected));
            if (!value || *value < least || *value > kMost) throw OptionError{.expected = expected};
            return *value;
          },
          [](const Nanoseconds& value) { return format_duration(value); }};
}

ValueType<Nanoseconds> duration(Nanoseconds least, Nanoseconds most) {
  const std::string expected = fmt::format("a duration such as {}, from {} to {}", format_duration(10 * least),
                                           format_duration(least), format_duration(most));
  return {expected, R"("type": "string", "pattern": "^[0-9.]+ ?(ns|us|ms|s|m|h|d)$")",
          [=](const YAML::Node& node) {
            const auto value = parse_duration(scalar_of(node, expected));
            if (!value || *value < least || *value > most) throw OptionError{.expected = expected};
            return *value;
          },
          [](const Nanoseconds& value) { return format_duration(value); }};
}

// "off" is kept as 0.
template <typename T>
ValueType<T> or_off(const ValueType<T>& type) {
  const std::string expected = "off, or " + type.expected;
  return {expected, fmt::format(R"("oneOf": [{{"enum": ["off", false]}}, {{{}}}])", type.schema),
          [=](const YAML::Node& node) {
            const std::string text = scalar_of(node, expected);
            if (text == "off" || text == "false") return T{0};
            try {
              return type.read(node);
            } catch (const OptionError&) {
              throw OptionError{.expected = expected};
            }
          },
          [=](const T& value) { return value == T{0} ? "off" : type.show(value); }};
}

ValueType<std::string> text() {
  const std::string expected = "text";
  return {expected, R"("type": "string")", [expected](const YAML::Node& node) { return scalar_of(node, expected); },
          [](const std::string& value) { return yaml_scalar(value); }};
}

ValueType<std::string> filter() {
  auto type = text();
  type.expected = "a pcap-filter expression";
  type.read = [read = type.read, expected = type.expected](const YAML::Node& node) {
    std::string expression = read(node);
    const std::string error = filter_error(expression);
    if (!error.empty()) throw OptionError{.expected = expected, .hint = " (" + error + ")"};
    return expression;
  };
  return type;
}

std::string quoted_list(std::span<const std::string> words) {
  std::vector<std::string> quoted;
  for (const std::string& word : words) quoted.push_back('"' + word + '"');
  return fmt::format("{}", fmt::join(quoted, ", "));
}

std::string did_you_mean(const std::string& word, std::span<const std::string> known) {
  const std::string near = nearest(word, known);
  return near.empty() ? "" : fmt::format(", did you mean {}?", near);
}

// One word out of a list, each standing for a value.
template <typename T>
ValueType<T> choice(std::vector<std::pair<std::string, T>> values) {
  std::vector<std::string> words;
  for (const auto& [word, value] : values) words.push_back(word);
  const std::string expected = fmt::format("one of {}", fmt::join(words, ", "));
  return {expected, fmt::format(R"("enum": [{}])", quoted_list(words)),
          [=](const YAML::Node& node) {
            const std::string text = scalar_of(node, expected);
            for (const auto& [word, value] : values) {
              if (word == text) return value;
            }
            throw OptionError{.expected = expected, .hint = did_you_mean(text, words)};
          },
          [=](const T& value) {
            for (const auto& [word, known] : values) {
              if (known == value) return word;
            }
            return std::string{};
          }};
}

template <typename T>
ValueType<T> described_as(const std::string& expected, ValueType<T> type) {
  type.expected = expected;
  type.read = [expected, read = type.read](const YAML::Node& node) {
    try {
      return read(node);
    } catch (OptionError& error) {
      error.expected = expected;
      throw;
    }
  };
  return type;
}

ValueType<std::string> word_of(const std::vector<std::string>& words) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const std::string& word : words) pairs.emplace_back(word, word);
  return choice(std::move(pairs));
}

// Says that the error is about this part of the value, unless it is about a part of the part.
void place(OptionError& error, const YAML::Node& part) {
  if (error.line >= 0) return;
  error.line = part.Mark().line;
  error.column = part.Mark().column;
  error.got = described(part);
}

template <typename T>
ValueType<std::vector<T>> list_of(const ValueType<T>& item) {
  const std::string expected = fmt::format("a list, each item {}", item.expected);
  return {expected, fmt::format(R"("type": "array", "items": {{{}}})", item.schema),
          [=](const YAML::Node& node) {
            if (!node.IsSequence()) throw OptionError{.expected = expected};
            std::vector<T> values;
            for (const YAML::Node& element : node) {
              try {
                values.push_back(item.read(element));
              } catch (OptionError& error) {
                place(error, element);
                error.name_suffix = fmt::format("[{}]{}", values.size(), error.name_suffix);
                throw;
              }
            }
            return values;
          },
          [=](const std::vector<T>& values) {
            std::vector<std::string> shown;
            for (const T& value : values) shown.push_back(item.show(value));
            return fmt::format("[{}]", fmt::join(shown, ", "));
          }};
}

// A single word is a list of one.
ValueType<std::vector<std::string>> field_selection() {
  std::vector<std::string> known{"classic", "full", "nfstream"};
  for (const Field& field : fields()) known.emplace_back(field.name);
  // All the names would bury a mistake; the nearest one is what helps.
  const ValueType<std::string> word =
      described_as("classic, full, nfstream or a field name, see --list-fields", word_of(known));
  ValueType<std::vector<std::string>> list = list_of(word);
  list.expected = "classic, full, nfstream, or a list of field names";
  list.schema = fmt::format(R"("oneOf": [{{"enum": [{0}]}}, {{"type": "array", "items": {{"enum": [{0}]}}}}])",
                            quoted_list(known));
  list.read = [word, read_list = list.read](const YAML::Node& node) {
    return node.IsScalar() ? std::vector<std::string>{word.read(node)} : read_list(node);
  };
  return list;
}

// tunnel_names() in streamer order: the list that the record shows too.
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

// A mapping of its own options, such as one sink.
template <typename T>
struct MemberOption {
  std::string name;
  std::string help;
  std::string schema;
  std::function<void(T&, const YAML::Node&)> read;
  std::function<std::string(const T&)> show;
};

template <typename T, typename V>
MemberOption<T> member(std::string name, V T::*place, const ValueType<V>& type, std::string help) {
  return {std::move(name), std::move(help), type.schema,
          [=](T& object, const YAML::Node& node) { object.*place = type.read(node); },
          [=](const T& object) { return type.show(object.*place); }};
}

template <typename T>
ValueType<T> mapping(const std::vector<MemberOption<T>>& members, const std::string& what) {
  std::vector<std::string> names;
  std::vector<std::string> schemas;
  for (const auto& each : members) {
    names.push_back(each.name);
    schemas.push_back(fmt::format(R"("{}": {{{}, "description": "{}"}})", each.name, each.schema, each.help));
  }
  const std::string expected = fmt::format("{} with {}", what, fmt::join(names, ", "));
  return {
      expected,
      fmt::format(R"("type": "object", "additionalProperties": false, "properties": {{{}}})", fmt::join(schemas, ", ")),
      [=](const YAML::Node& node) {
        if (!node.IsMap()) throw OptionError{.expected = expected};
        T object;
        std::set<std::string> seen;
        for (const auto& entry : node) {
          const std::string key = entry.first.Scalar();
          const auto found = std::find(names.begin(), names.end(), key);
          const bool known = found != names.end();
          if (!known || !seen.insert(key).second) {
            OptionError error{.name_suffix = "." + key,
                              .complaint = known ? "given twice" : "unknown key" + did_you_mean(key, names)};
            place(error, entry.first);
            throw error;
          }
          try {
            members[static_cast<std::size_t>(found - names.begin())].read(object, entry.second);
          } catch (OptionError& error) {
            place(error, entry.second);
            error.name_suffix = "." + key + error.name_suffix;
            throw;
          }
        }
        return object;
      },
      [=](const T& object) {
        const T defaults;
        std::vector<std::string> shown;
        for (const auto& each : members) {
          // The first member says what it is; of the rest only what differs from the defaults.
          if (&each == &members.front() || each.show(object) != each.show(defaults)) {
            shown.push_back(fmt::format("{}: {}", each.name, each.show(object)));
          }
        }
        return fmt::format("{{{}}}", fmt::join(shown, ", "));
      }};
}

ValueType<SinkConfig> sink() {
  std::vector<std::string> types;
  for (const SinkType& type : sink_types()) types.emplace_back(type.name);
  return mapping<SinkConfig>(
      {member("type", &SinkConfig::type, word_of(types), "what is written"),
       member("path", &SinkConfig::path, text(),
              "file to write, its name with strftime's % conversions, in UTC; - is standard output; of ipfix, "
              "udp://HOST:PORT "
              "or tcp://HOST:PORT"),
       member("fields", &SinkConfig::fields, field_selection(), "fields of this sink; default: output.fields"),
       member("queue", &SinkConfig::queue, whole_number(1, 100'000'000), "records that may wait for this sink"),
       member("rotate_every", &SinkConfig::rotate_every,
              or_off(duration(std::chrono::seconds{1}, std::chrono::hours{24} * 366)),
              "begin a new file whenever the clock reaches a multiple of this"),
       member("rotate_size", &SinkConfig::rotate_size, or_off(size(1ULL << 10, 1ULL << 50)),
              "begin a new file before it would have more text than this, compressed or not"),
       member("compression", &SinkConfig::compression,
              choice<Compression>(
                  {{"auto", Compression::kAuto}, {"none", Compression::kNone}, {"zstd", Compression::kZstd}}),
              "of a file; auto: zstd if its name ends in .zst"),
       member("compression_level", &SinkConfig::compression_level, whole_number(1, 19),
              "of zstd: more is smaller and slower"),
       member("observation_domain", &SinkConfig::observation_domain, whole_number(0, 0xffff'ffff),
              "ipfix: id of this observation domain, to tell several probes of one collector apart"),
       member("template_refresh", &SinkConfig::template_refresh, duration(std::chrono::seconds{1}),
              "ipfix over UDP: time after which the templates are sent again")},
      "a sink");
}

// "sum: size" of a metric: sets what it adds up and how. `words` are what it may add up.
MemberOption<MetricConfig> aggregate(std::string name, Aggregate kind, const ValueType<Quantity>& words,
                                     std::string help) {
  return {std::move(name), std::move(help), words.schema,
          [=](MetricConfig& metric, const YAML::Node& node) {
            if (metric.aggregate != Aggregate::kNone) throw OptionError{.complaint = "a metric has one aggregate only"};
            metric.aggregate = kind;
            metric.quantity = words.read(node);
          },
          [=](const MetricConfig& metric) {
            return metric.aggregate == kind ? words.show(metric.quantity) : std::string{};
          }};
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

// What is wrong with a metric as a whole, or empty.
std::string complaint_about(const MetricConfig& metric) {
  if (metric.name.empty()) return "a metric needs a name";
  const bool aggregates = metric.aggregate != Aggregate::kNone;
  if (metric.plugin.empty()) {
    return aggregates ? "" : "a metric needs one of count, sum, min, max, mean, first, last or plugin";
  }
  const bool alone = !aggregates && metric.when.empty() && metric.direction == MetricDirection::kBoth;
  return alone ? "" : "a metric with a plugin has no other key than name";
}

ValueType<MetricConfig> metric() {
  std::vector<std::pair<std::string, Quantity>> quantities{{"size", Quantity::kSize},
                                                           {"payload_size", Quantity::kPayloadSize},
                                                           {"ttl", Quantity::kTtl},
                                                           {"tcp_window", Quantity::kTcpWindow},
                                                           {"gap", Quantity::kGap}};
  const auto words = choice<Quantity>(quantities);
  quantities.emplace(quantities.begin(), "packets", Quantity::kPackets);
  const auto countable = choice<Quantity>(quantities);
  auto type = mapping<MetricConfig>(
      {member("name", &MetricConfig::name, metric_name(), "its name in records"),
       aggregate("count", Aggregate::kCount, countable, "how many packets, or packets that have this"),
       aggregate("sum", Aggregate::kSum, words, "sum of this over the packets"),
       aggregate("min", Aggregate::kMin, words, "least"), aggregate("max", Aggregate::kMax, words, "greatest"),
       aggregate("mean", Aggregate::kMean, words, "mean"), aggregate("first", Aggregate::kFirst, words, "of the first"),
       aggregate("last", Aggregate::kLast, words, "of the last packet"),
       member("when", &MetricConfig::when, filter(), "pcap-filter expression: only packets that match"),
       member("direction", &MetricConfig::direction,
              choice<MetricDirection>({{"both", MetricDirection::kBoth},
                                       {"src_to_dst", MetricDirection::kSrcToDst},
                                       {"dst_to_src", MetricDirection::kDstToSrc}}),
              "only packets of this direction"),
       member("plugin", &MetricConfig::plugin, text(), "shared object that has the metric of this name")},
      "a metric");
  type.schema +=
      R"(, "required": ["name"], "oneOf": [{"required": ["count"]}, {"required": ["sum"]}, {"required": ["min"]}, )"
      R"({"required": ["max"]}, {"required": ["mean"]}, {"required": ["first"]}, {"required": ["last"]}, )"
      R"({"required": ["plugin"]}])";
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

template <typename Access, typename T>
Option option(std::string name, Access access, const ValueType<T>& type, std::string help) {
  return {std::move(name),
          type.expected,
          type.schema,
          std::move(help),
          [=](Config& config, const YAML::Node& node) { access(config) = type.read(node); },
          [=](const Config& config) { return type.show(access(const_cast<Config&>(config))); }};
}

// NAME is both the dotted name and the member's path in Config, which keeps the two the same.
#define OPTION(NAME, TYPE, HELP) \
  option(                        \
      #NAME, [](Config & config) -> auto& { return config.NAME; }, TYPE, HELP)

std::vector<Option> make_options() {
  constexpr std::uint64_t kMostFlows = 1ULL << 30;
  return {
      OPTION(sensor_id, text(), "name of this observation point; part of every flow_id, and a field where set"),
      OPTION(workers, whole_number(1, 128), "threads that meter, each with a flow table of its own"),
      OPTION(input.files, list_of(text()), "capture files, read in order through one table; - is standard input"),
      OPTION(input.interface, text(), "kernel interface to capture from"),
      OPTION(input.driver,
             choice<KernelDriver>({{"auto", KernelDriver::kAuto},
                                   {"af_packet", KernelDriver::kAfPacket},
                                   {"af_xdp", KernelDriver::kAfXdp}}),
             "DPDK driver for that interface; af_xdp takes its packets away from the kernel, auto never does"),
      OPTION(input.devices, list_of(text()), "DPDK devices: PCI addresses or vdev strings"),
      OPTION(input.filter, filter(), "pcap-filter expression; what does not match is counted as ignored.filtered"),
      OPTION(input.duration, duration(Nanoseconds{0}), "stop after this long; 0 runs to the end of the input"),
      OPTION(input.cores, list_of(whole_number(0, 1023)), "CPUs for the live workers, one each; empty: the last ones"),
      OPTION(input.busy_poll, boolean(), "live workers never sleep, not even when nothing comes"),
      OPTION(input.memory, size(32ULL << 20, 1ULL << 40), "memory DPDK takes for packet buffers"),
      OPTION(input.ring_frames, whole_number(256, 1'048'576),
             "frames the kernel's ring for the interface holds, with af_packet"),
      OPTION(input.frame_size, whole_number(256, 32'768),
             "octets of a frame kept by that ring; a power of two, more if the MTU needs it"),
      OPTION(input.eal_arguments, list_of(text()), "further arguments for DPDK's EAL, as its documentation has them"),
      OPTION(decode.tunnels, tunnels(), "tunnels whose inner packet is metered; otherwise the outer one is"),
      OPTION(decode.fragments, whole_number(0, 1'048'576),
             "fragmented datagrams followed at once, and later fragments held until their first comes; 0: later "
             "fragments are flows without ports"),
      OPTION(decode.fragment_timeout, duration(std::chrono::milliseconds{1}),
             "how long after the first the others are taken for its, and how long they wait for it"),
      OPTION(decode.deduplicate, or_off(duration(std::chrono::microseconds{1}, std::chrono::seconds{1})),
             "a packet seen again within this window, on any VLAN, is counted as ignored.duplicate only"),
      OPTION(flow.capacity, whole_number(1, kMostFlows),
             "flows in all tables together, 192 octets each; when full, the least recently used is exported, "
             "conversations last"),
      OPTION(flow.active_timeout, duration(std::chrono::milliseconds{1}),
             "a flow this old is cut and goes on as the next segment"),
      OPTION(flow.inactive_timeout, duration(std::chrono::milliseconds{1}),
             "a flow without packets for this long has ended"),
      OPTION(flow.tcp_close, boolean(), "end a TCP flow at FIN both ways or RST"),
      OPTION(flow.tcp_linger, duration(Nanoseconds{0}),
             "how long a closed TCP flow still takes late packets, 39 hours at most"),
      OPTION(flow.accounting,
             choice<Accounting>({{"link", Accounting::kLink},
                                 {"ip", Accounting::kIp},
                                 {"transport", Accounting::kTransport},
                                 {"payload", Accounting::kPayload}}),
             "octets that src_to_dst_bytes and dst_to_src_bytes count, from this layer's header on"),
      OPTION(flow.vlan_key,
             choice<VlanKey>({{"none", VlanKey::kNone},
                              {"outer", VlanKey::kOuter},
                              {"inner", VlanKey::kInner},
                              {"both", VlanKey::kBoth}}),
             "802.1Q tags that tell flows apart"),
      OPTION(flow.direction,
             choice<FlowDirection>(
                 {{"first_packet", FlowDirection::kFirstPacket}, {"handshake", FlowDirection::kHandshake}}),
             "src is the sender of the first packet, or who opened the TCP connection"),
      OPTION(dpi.enabled, boolean(), "name the application of each flow with nDPI"),
      OPTION(dpi.max_packets, whole_number(1, 32), "packets nDPI may look at before it gives a flow up"),
      OPTION(dpi.max_packets_udp, whole_number(1, 32), "the same for UDP"),
      OPTION(dpi.max_flows, whole_number(1, kMostFlows),
             "flows in classification at once, over all workers; when full, the oldest is given up"),
      OPTION(dpi.metadata, boolean(),
             "keep what nDPI reads: server names, certificates, requests, fingerprints, risks"),
      OPTION(dpi.metadata_memory, size(1ULL << 20, 256ULL << 30), "memory that the metadata of all flows may take"),
      OPTION(dpi.protocols_file, text(), "nDPI protocols file with rules of your own"),
      OPTION(dpi.categories_file, text(), "nDPI categories file with rules of your own"),
      OPTION(features.statistics, boolean(), "statistics of packet sizes, gaps and TCP flags per flow"),
      OPTION(features.splt, whole_number(0, 255), "early packets of a segment whose direction, size and gap are kept"),
      OPTION(features.tcp, boolean(), "round-trip times, retransmissions, windows and history of TCP flows"),
      OPTION(overload.enabled, boolean(),
             "a live worker that falls behind does less with each flow, and says so in its records"),
      OPTION(overload.max_sampling, power_of_two(1, 32'768),
             "at worst one in so many new flows is metered; 1: all are, whatever is lost"),
      OPTION(metrics, metrics(), "values of your own for each flow, see docs/metrics.md"),
      OPTION(output.fields, field_selection(), "fields of a record, for sinks that name none"),
      OPTION(output.max_delay, duration(std::chrono::milliseconds{1}),
             "how long a live record may wait to be passed on"),
      OPTION(output.community_id_seed, whole_number(0, 65'535),
             "seed of community_id; the same in every tool whose ids are compared"),
      OPTION(sinks, list_of(sink()), "where records go"),
      OPTION(log.level, word_of({"debug", "info", "warning", "error"}), "least severe message that is logged"),
  };
}

#undef OPTION

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row[b.size()];
}

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
  if (node.IsScalar()) return fmt::format("\"{}\"", node.Scalar());
  return node.IsMap() ? "a mapping" : "a list";
}

std::string nearest(std::string_view word, std::span<const std::string> known) {
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (const std::string& candidate : known) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

std::string yaml_scalar(std::string_view text) {
  const bool plain = !text.empty() && text != "-" &&
                     text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-") ==
                         std::string_view::npos;
  const bool like_number = !text.empty() && text.find_first_not_of("0123456789.") == std::string_view::npos;
  const bool like_null = text == "null" || text == "Null" || text == "NULL";
  if (plain && !like_number && !like_null && text != "true" && text != "false") return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      quoted += fmt::format("\\x{:02x}", byte);  // a line break would be folded into a space
    } else {
      if (c == '"' || c == '\\') quoted += '\\';
      quoted += c;
    }
  }
  return quoted + '"';
}

}  // namespace spanflow
