#include "manual.h"

#include <array>

#include "manual_parts.h"
#include "version.h"

namespace spanflow {
namespace {

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
    Explained{
        "`SIGHUP`",
        "With `-c`, reads the configuration again: level of the log, sinks, filter and timeouts change while flows "
        "live on, and what needs a restart is named in the log. Without, as `SIGTERM`."},
    Explained{"`SIGUSR1`", "Every sink of files begins a new one."},
};

constexpr std::array kExitCodes = {
    Explained{"0", "The input has ended, or a signal or `input.duration` has ended it."},
    Explained{"1", "An input or a sink has failed; a line on standard error says which, and why."},
    Explained{"2", "The command line or the configuration is wrong. The service is not started again."},
};

constexpr std::array kEnvironment = {
    Explained{"`RUNTIME_DIRECTORY`",
              "Where DPDK keeps its files while it runs, and the control socket is; set by the service."},
    Explained{"`NOTIFY_SOCKET`, `WATCHDOG_USEC`",
              "Where the service manager hears of start, reload, stop and progress."},
    Explained{"`JOURNAL_STREAM`", "Says that standard error is the journal, to which the log then goes with fields."},
};

constexpr std::array kFiles = {
    Explained{"`/etc/spanflow/`*NAME*`.yaml`",
              "Configuration of `spanflowd@`*NAME*`.service`; that of `spanflowd.service` is called `spanflow.yaml`."},
    Explained{"`/run/spanflow/`*NAME*", "Files of the running service."},
    Explained{"`/var/lib/spanflow/`*NAME*", "Its working folder: a place for spools."},
    Explained{"`/var/log/spanflow/`*NAME*", "A place for files of records, which the group `spanflow` may read."},
};

}  // namespace

std::string daemon_examples() { return examples_in_help(kExamples); }

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
  page.section("OPTIONS");
  add_arguments(app, page);
  add_section("SIGNALS", kSignals, page);
  add_section("EXIT STATUS", kExitCodes, page);
  add_section("ENVIRONMENT", kEnvironment, page);
  add_section("FILES", kFiles, page);
  add_examples(kExamples, page);
  page.section("SEE ALSO");
  page.paragraph("`spanflow.yaml`(5), `spanflowctl`(1), `systemctl`(1), `pcap-filter`(7)");
  return page.text();
}

}  // namespace spanflow
