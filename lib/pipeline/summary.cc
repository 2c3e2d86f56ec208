#include "pipeline/summary.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/units.h"

namespace spanflow {
namespace {

using Json = nlohmann::ordered_json;

std::uint64_t value(const Summary& summary, Counter counter) { return value_of(summary.counters, counter); }

// The sum of the counters whose names start with a prefix, and a list of these counters.
struct Group {
  std::uint64_t sum = 0;
  std::string details;  // counts that are not 0, by the rest of the name: " (3 inactive, 35 capture_end)"
};

Group group(const Summary& summary, std::string_view prefix) {
  Group group;
  std::vector<std::string> parts;
  for (const CounterInfo& counter : kCounters) {
    if (!counter.name.starts_with(prefix)) continue;
    const std::uint64_t count = value(summary, counter.id);
    group.sum += count;
    if (count > 0) parts.push_back(fmt::format("{} {}", with_separators(count), counter.name.substr(prefix.size())));
  }
  if (!parts.empty()) group.details = fmt::format(" ({})", fmt::join(parts, ", "));
  return group;
}

// Returns the most frequent unknown EtherTypes with their numbers of frames, as "0x88b5 (3), 0x1234 (1)".
std::string list_of_ether_types(const Summary& summary) {
  constexpr std::size_t kShown = 5;
  std::vector<std::pair<std::uint16_t, std::uint64_t>> types(summary.ether_types.begin(), summary.ether_types.end());
  std::ranges::stable_sort(types, std::greater{}, &std::pair<std::uint16_t, std::uint64_t>::second);
  types.resize(std::min(types.size(), kShown));
  std::vector<std::string> shown;
  for (const auto& [type, count] : types) shown.push_back(fmt::format("0x{:04x} ({})", type, with_separators(count)));
  return fmt::format("{}", fmt::join(shown, ", "));
}

std::uint64_t sum(const SinkLedger& sink) {
  std::uint64_t dropped = 0;
  for (const std::uint64_t count : sink.dropped) dropped += count;
  return dropped;
}

// Returns `text`, in red if there are losses (`count` is not 0) and colours are on.
std::string loss(std::uint64_t count, const std::string& text, Colours colours) {
  return count == 0 || colours == Colours::kNone ? text : fmt::format("\x1b[1;31m{}\x1b[0m", text);
}

std::string line_of(const SinkLedger& sink, Colours colours) {
  std::vector<std::string> reasons;
  for (std::size_t i = 0; i < sink.dropped.size(); ++i) {
    if (sink.dropped[i] > 0)
      reasons.push_back(fmt::format("{} {}", with_separators(sink.dropped[i]), kDropReasonNames[i]));
  }
  const std::string recovered =
      sink.recovered > 0 ? fmt::format(" + {} recovered", with_separators(sink.recovered)) : "";
  const std::string dropped = fmt::format("{} dropped{}", with_separators(sum(sink)),
                                          reasons.empty() ? "" : fmt::format(" ({})", fmt::join(reasons, ", ")));
  return fmt::format("           {}{}: {} handed{} = {} delivered + {} queued + {} spooled + {}\n", sink.name,
                     sink.removed ? " (removed)"
                     : sink.added ? " (added)"
                                  : "",
                     with_separators(sink.handed), recovered, with_separators(sink.delivered),
                     with_separators(sink.queued), with_separators(sink.spooled), loss(sum(sink), dropped, colours));
}

std::string_view last_part(std::string_view name) { return name.substr(name.rfind('.') + 1); }

// Stores a count by its dotted name: "packets.ignored.not_ip" becomes {"packets": {"ignored": {"not_ip": count}}}.
void nest(Json& root, std::string_view name, std::uint64_t count) {
  Json* at = &root;
  for (auto dot = name.find('.'); dot != std::string_view::npos; dot = name.find('.')) {
    at = &(*at)[std::string(name.substr(0, dot))];
    name.remove_prefix(dot + 1);
  }
  (*at)[std::string(name)] = count;
}

void nest(Json& root, const CounterValues& counters) {
  for (const CounterInfo& counter : kCounters) nest(root, counter.name, value_of(counters, counter.id));
}

// A histogram has one more range than bounds, because the last range has no upper bound.
Json json_of(const HistogramInfo& histogram, const HistogramValues& values) {
  const std::size_t ranges = histogram.bounds.size() + 1;
  return {{"bounds", std::vector(histogram.bounds.begin(), histogram.bounds.end())},
          {"counts", std::vector(values.counts.begin(), values.counts.begin() + static_cast<std::ptrdiff_t>(ranges))},
          {"sum", values.sum}};
}

Json json_of(const PortCounts& port) {
  Json json = {{"name", port.name}, {"up", port.is_up}, {"received", port.received}};
  for (const auto& [counter, count] : counters_of(port)) json[std::string(last_part(info(counter).name))] = count;
  return json;
}

Json json_of(const SinkLedger& sink) {
  Json dropped;
  for (std::size_t i = 0; i < sink.dropped.size(); ++i) dropped[std::string(kDropReasonNames[i])] = sink.dropped[i];
  Json json = {{"name", sink.name},
               {"handed", sink.handed},
               {"recovered", sink.recovered},
               {"delivered", sink.delivered},
               {"queued", sink.queued},
               {"spooled", sink.spooled},
               {"dropped", dropped},
               {"waiting", sink.waiting},
               {"queue_records", sink.queue_records},
               {"oldest_seconds", sink.oldest_seconds}};
  if (sink.added) json["added"] = true;
  if (sink.removed) json["removed"] = true;
  if (sink.spool) json["spool"] = {{"octets", sink.spool->octets}, {"oldest_seconds", sink.spool->oldest_seconds}};
  return json;
}

}  // namespace

std::uint64_t lost_packets(const Summary& summary) {
  std::uint64_t lost = 0;
  for (const Counter loss : kLosses) lost += value(summary, loss);
  return lost;
}

std::string to_text(const Summary& summary, Colours colours) {
  const Group ignored = group(summary, "packets.ignored.");
  const Group malformed = group(summary, "packets.malformed.");
  const Group exported = group(summary, "flows.exported.");
  const std::uint64_t lost = lost_packets(summary);
  std::vector<std::string> losses;
  for (const Counter loss : kLosses) {
    losses.push_back(fmt::format("{} {}", with_separators(value(summary, loss)), last_part(info(loss).name)));
  }
  const std::uint64_t received = value(summary, Counter::kPacketsReceived);
  const std::uint64_t ring_dropped = value(summary, Counter::kRecordsRingDropped);
  const auto per_second = [&summary](std::uint64_t count) {
    return with_separators(static_cast<std::uint64_t>(static_cast<double>(count) / std::max(summary.seconds, 1e-6)));
  };
  std::string text =
      fmt::format("{} packets, {} octets and {} flows in {:.2f} s: {} packets/s, {} flows/s, {} worker{}\n",
                  with_separators(received), with_separators(value(summary, Counter::kOctetsMetered)),
                  with_separators(value(summary, Counter::kFlowsOpened)), summary.seconds, per_second(received),
                  per_second(value(summary, Counter::kFlowsOpened)), summary.workers, summary.workers == 1 ? "" : "s");
  text += fmt::format("  packets  {} received = {} metered + {} ignored{} + {} malformed{}; {}\n",
                      with_separators(received), with_separators(value(summary, Counter::kPacketsMetered)),
                      with_separators(ignored.sum), ignored.details, with_separators(malformed.sum), malformed.details,
                      loss(lost, with_separators(lost) + " lost", colours));
  if (lost > 0) text += fmt::format("           lost: {}\n", fmt::join(losses, ", "));
  if (!summary.ether_types.empty()) {
    text += fmt::format("           most frequent unknown EtherTypes: {}\n", list_of_ether_types(summary));
  }
  text += fmt::format(
      "  flows    {} opened = {} open + {} exported{}\n", with_separators(value(summary, Counter::kFlowsOpened)),
      with_separators(value(summary, Counter::kFlowsOpen)), with_separators(exported.sum), exported.details);
  const std::uint64_t records = value(summary, Counter::kRecordsExported);
  text += fmt::format("  records  {} exported = {} + {} handed to each sink\n", with_separators(records),
                      loss(ring_dropped, with_separators(ring_dropped) + " ring_dropped", colours),
                      with_separators(records - ring_dropped));
  for (const SinkLedger& sink : summary.sinks) text += line_of(sink, colours);
  return text;
}

std::string to_json(const Summary& summary) {
  Json root;
  root["seconds"] = summary.seconds;
  root["workers"] = summary.workers;
  nest(root, summary.counters);
  Json& ether_types = root["packets"]["unknown_ether_types"] = Json::object();
  for (const auto& [type, count] : summary.ether_types) ether_types[fmt::format("0x{:04x}", type)] = count;
  Json& sinks = root["records"]["sinks"] = Json::array();
  for (const SinkLedger& sink : summary.sinks) sinks.push_back(json_of(sink));
  for (const HistogramInfo& histogram : kHistograms) {
    root["histograms"][std::string(histogram.name)] =
        json_of(histogram, summary.histograms[static_cast<std::size_t>(histogram.id)]);
  }
  Json& workers = root["per_worker"] = Json::array();
  for (const CounterValues& counters : summary.per_worker) nest(workers.emplace_back(), counters);
  Json& ports = root["ports"] = Json::array();
  for (const PortCounts& port : summary.ports) ports.push_back(json_of(port));
  return root.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace spanflow
