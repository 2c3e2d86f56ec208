// The command line options that describe generated traffic.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "conversations.h"
#include "traffic.h"

namespace spanflow::bench {

// Adds the options that bench_meter and bench_traffic share. `options` and `kind` must outlive `parser`.
inline void add_traffic_options(CLI::App& parser, TrafficOptions& options, std::string& kind) {
  std::string help = "kind of flows:";
  for (const Kind& each : kinds()) help += "\n  " + std::string(each.name) + ": " + std::string(each.help);
  parser.add_option("--kind", kind, help)->capture_default_str();
  parser.add_option("--flows", options.flows, "number of flows: concurrent, or in all")->capture_default_str();
  parser.add_option("--packets", options.packets, "number of packets")->capture_default_str();
  parser.add_option("--rate", options.packets_per_s, "packets per second of packet time")->capture_default_str();
  parser
      .add_option("--new-flows", options.new_flows_per_s,
                  "new flows per second of packet time, which replace others; 0: no new flows")
      ->capture_default_str();
  parser
      .add_option("--idle", options.idle_s,
                  "for the kind trace: seconds for which a table keeps a flow without packets")
      ->check(CLI::Range(1, 86'400))
      ->capture_default_str();
  parser.add_option("--seed", options.seed, "seed of addresses and order")->capture_default_str();
}

}  // namespace spanflow::bench
