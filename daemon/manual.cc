#include "manual.h"

#include <array>

#include "manual_parts.h"
#include "version.h"

namespace spanflow {
namespace {

constexpr std::array kExamples = {
    Definition{"spanflowd -r capture.pcap", "JSON lines on standard output"},
    Definition{"spanflowd -r a.pcap b.pcapng -w csv:flows.csv", "two files in one run, to CSV"},
    Definition{"spanflowd -i eth1 -w jsonl:flows.jsonl", "live capture"},
    Definition{"spanflowd -c /etc/spanflow/spanflow.yaml", "the command of the service"},
};

constexpr std::array kSignals = {
    Definition{
        "`SIGTERM`, `SIGINT`",
        "Stops the capture, exports all open flows and completes the files. Sinks get 1.5 s to write the "
        "remaining records; a kafka sink waits no longer for the brokers, even if its `flush_timeout` is longer."},
    Definition{"`SIGHUP`",
               "With `-c`, reloads the configuration: log level, sinks, filter and timeouts change, and open flows "
               "continue; the log names the changed options that need a restart. Without `-c`, the same as `SIGTERM`."},
    Definition{"`SIGUSR1`", "Each sink that writes files starts a new file."},
};

constexpr std::array kExitCodes = {
    Definition{"0", "The input has ended, or a signal or `input.duration` has stopped the run."},
    Definition{"1", "An input or a sink has failed; standard error says which one, and why."},
    Definition{"2", "The command line or the configuration is wrong. systemd does not restart the service."},
};

constexpr std::array kEnvironment = {
    Definition{"`RUNTIME_DIRECTORY`",
               "The folder for DPDK's runtime files and for the control socket. The service sets it."},
    Definition{"`STATE_DIRECTORY`", "The folder in which `crashes` gets reports of crashes. The service sets it."},
    Definition{"`NOTIFY_SOCKET`, `WATCHDOG_USEC`",
               "The socket for notifications to the service manager, and its watchdog's timeout."},
    Definition{"`JOURNAL_STREAM`",
               "Set if standard error is the systemd journal. Then log messages go to the journal with fields."},
};

constexpr std::array kFiles = {
    Definition{"`/etc/spanflow/`*NAME*`.yaml`",
               "Configuration of `spanflowd@`*NAME*`.service`. `spanflowd.service` reads `spanflow.yaml`."},
    Definition{"`/run/spanflow/`*NAME*", "Runtime files of the service."},
    Definition{"`/var/lib/spanflow/`*NAME*",
               "Working folder of the service, for spools and, in `crashes`, reports of crashes."},
    Definition{"`/var/log/spanflow/`*NAME*", "Folder for record files, which the group `spanflow` may read."},
};

}  // namespace

std::string daemon_examples() { return examples_in_help(kExamples); }

std::string daemon_manual(const CLI::App& app) {
  ManPage page({.name = "spanflowd",
                .section = 8,
                .version = kVersion,
                .summary = "writes one record per network flow of a span port or a capture file"});
  page.section("SYNOPSIS");
  page.line("`spanflowd` `-r` *FILE*... [`-w` *TARGET*]... [`-s` *NAME*=*VALUE*]...");
  page.line("`spanflowd` `-i` *NAME* [`-w` *TARGET*]... [`-s` *NAME*=*VALUE*]...");
  page.line("`spanflowd` `-d` *DEVARGS*... [`-w` *TARGET*]... [`-s` *NAME*=*VALUE*]...");
  page.line("`spanflowd` `-c` *FILE* [`--check-config` | `--dump-config`]");
  page.section("DESCRIPTION");
  page.paragraph(app.get_description());
  page.paragraph(
      "A record has the addresses and ports of both sides, the packets and octets of both directions, the times, and "
      "the application. Records go to CSV or JSON lines files, to an IPFIX collector, or to Apache Kafka; without a "
      "target, they go to standard output as JSON lines. At the end of a run, a summary accounts for every packet and "
      "every record.");
  page.paragraph(
      "Capture from an interface or a DPDK device runs until a signal; files are read to their end. Capture needs "
      "`CAP_NET_RAW`, `CAP_NET_ADMIN` and `CAP_IPC_LOCK`; reading files needs no capability. `spanflow.yaml`(5) "
      "describes all options of the configuration.");
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
