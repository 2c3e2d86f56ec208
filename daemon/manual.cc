#include "manual.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include <array>
#include <string_view>
#include <vector>

#include "config/man_page.h"
#include "version.h"

namespace spanflow {
namespace {

struct Explained {
  std::string_view what;
  std::string_view meaning;
};

constexpr std::array kExamples = {
    Explained{"spanflowd -r capture.pcap", "JSON lines on standard output"},
    Explained{"spanflowd -r a.pcap b.pcapng -w csv:flows.csv", "two files through one table, to CSV"},
    Explained{"spanflowd -i eth1 -w jsonl:flows.jsonl", "live"},
    Explained{"spanflowd -c /etc/spanflow/spanflow.yaml", "as the service does"},
};

constexpr std::array kSignals = {
    Explained{"`SIGTERM`, `SIGINT`",
              "Ends the capture. All live flows are exported, files completed, and sinks given a moment to take what "
              "is left; "
              "a kafka sink waits up to its `flush_timeout` for the brokers."},
    Explained{"`SIGUSR1`", "Every sink of files begins a new one."},
};

constexpr std::array kExitCodes = {
    Explained{"0", "The input has ended, or a signal or `input.duration` has ended it."},
    Explained{"1", "An input or a sink has failed; a line on standard error says which, and why."},
    Explained{"2", "The command line or the configuration is wrong. The service is not started again."},
};

constexpr std::array kEnvironment = {
    Explained{"`RUNTIME_DIRECTORY`", "Where DPDK keeps its files while it runs; set by the service."},
};

constexpr std::array kFiles = {
    Explained{"`/etc/spanflow/`*NAME*`.yaml`",
              "Configuration of `spanflowd@`*NAME*`.service`; that of `spanflowd.service` is called `spanflow.yaml`."},
    Explained{"`/run/spanflow/`*NAME*", "Files of the running service."},
    Explained{"`/var/lib/spanflow/`*NAME*", "Its working folder: a place for spools."},
    Explained{"`/var/log/spanflow/`*NAME*", "A place for files of records, which the group `spanflow` may read."},
};

template <std::size_t N>
void add(std::string_view heading, const std::array<Explained, N>& items, ManPage& page) {
  page.section(heading);
  for (const Explained& each : items) page.item(each.what, each.meaning);
}

// "`-c`, `--config` *FILE*"
std::string term(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const std::string& name : option.get_snames()) names.push_back(fmt::format("`-{}`", name));
  for (const std::string& name : option.get_lnames()) names.push_back(fmt::format("`--{}`", name));
  const std::string& value = option.get_type_name();
  return fmt::format("{}{}", fmt::join(names, ", "), value.empty() ? "" : fmt::format(" *{}*", value));
}

void add_arguments(const CLI::App& app, ManPage& page) {
  page.section("OPTIONS");
  for (const CLI::Option* const option : app.get_options()) page.item(term(*option), option->get_description());
}

void add_examples(ManPage& page) {
  page.section("EXAMPLES");
  for (const auto& [command, meaning] : kExamples) page.item(fmt::format("`{}`", command), meaning);
}

}  // namespace

std::string examples_in_help() {
  std::string text = "Examples:\n";
  for (const auto& [command, meaning] : kExamples) text += fmt::format("  {:<45}  {}\n", command, meaning);
  text.pop_back();
  return text;
}

std::string daemon_manual(const CLI::App& app) {
  ManPage page({.name = "spanflowd",
                .section = 8,
                .version = kVersion,
                .summary = "one record per network flow, of a span port or a capture file"});
  page.section("SYNOPSIS");
  page.line("`spanflowd` `-r` *FILE*... [`-w` *TARGET*]... [`-s` *NAME*=*VALUE*]...");
  page.line("`spanflowd` `-i` *NAME* [`-w` *TARGET*]... [`-s` *NAME*=*VALUE*]...");
  page.line("`spanflowd` `-d` *DEVARGS*... [`-w` *TARGET*]... [`-s` *NAME*=*VALUE*]...");
  page.line("`spanflowd` `-c` *FILE* [`--check-config` | `--dump-config`]");
  page.section("DESCRIPTION");
  page.paragraph(app.get_description());
  page.paragraph(
      "A record says who talked to whom, how much, for how long, and with which application. Records go to files of "
      "CSV or "
      "JSON lines, to an IPFIX collector, or to Apache Kafka; without a target, to standard output as JSON lines. "
      "At the end of a run a summary shows that every packet and every record is accounted for.");
  page.paragraph(
      "An interface or a DPDK device is captured from until a signal comes, files are read to their end. It takes "
      "`CAP_NET_RAW`, `CAP_NET_ADMIN` and `CAP_IPC_LOCK` to capture, nothing to read files. All options are in "
      "`spanflow.yaml`(5).");
  add_arguments(app, page);
  add("SIGNALS", kSignals, page);
  add("EXIT STATUS", kExitCodes, page);
  add("ENVIRONMENT", kEnvironment, page);
  add("FILES", kFiles, page);
  add_examples(page);
  page.section("SEE ALSO");
  page.paragraph("`spanflow.yaml`(5), `systemctl`(1), `pcap-filter`(7)");
  return page.text();
}

}  // namespace spanflow
