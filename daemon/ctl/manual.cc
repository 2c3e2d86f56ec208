#include "manual.h"

#include <fmt/format.h>

#include <array>

#include "manual_parts.h"
#include "version.h"

namespace spanflow {
namespace {

constexpr std::array kExamples = {
    Explained{"spanflowctl status", "rates, both ledgers and the sinks"},
    Explained{"spanflowctl status --watch", "again every second"},
    Explained{"spanflowctl -i edge1 --json status", "of spanflowd@edge1.service, for programs"},
    Explained{"spanflowctl reload", "after /etc/spanflow/spanflow.yaml was edited"},
};

constexpr std::array kExitCodes = {
    Explained{"0", "Done."},
    Explained{"1", "The daemon refused, or did not answer; standard error says why."},
    Explained{"2", "The command line is wrong."},
};

constexpr std::array kEnvironment = {
    Explained{"`NO_COLOR`", "If set, nothing is shown in colours."},
};

constexpr std::array kFiles = {
    Explained{"`/run/spanflow/`*NAME*`/control.sock`",
              "The socket of an instance; `control.socket` names another one."},
};

void add_commands(const CLI::App& app, ManPage& page) {
  page.section("COMMANDS");
  for (const CLI::App* const command : app.get_subcommands({})) {
    page.item(fmt::format("`{}`", command->get_name()), command->get_description());
    if (command->get_options().size() == 1) continue;  // --help
    page.begin_nested();
    add_arguments(*command, page);
    page.end_nested();
  }
}

}  // namespace

std::string control_examples() { return examples_in_help(kExamples); }

std::string control_manual(const CLI::App& app) {
  ManPage page({.name = "spanflowctl",
                .section = 1,
                .version = kVersion,
                .summary = "asks a running spanflowd how it is, and tells it what to do"});
  page.section("SYNOPSIS");
  page.line("`spanflowctl` [`-i` *NAME* | `--socket` *PATH*] [`--json`] `status` [`--watch`]");
  page.line("`spanflowctl` [`-i` *NAME* | `--socket` *PATH*] [`--json`] `reload`");
  page.line("`spanflowctl` [`-i` *NAME* | `--socket` *PATH*] [`--json`] `log-level` *LEVEL*");
  page.section("DESCRIPTION");
  page.paragraph(
      "The status is the rates of the last second, and the ledgers: every packet received is metered, ignored or "
      "malformed, every flow opened is open or was exported, every record exported is somewhere in each sink. What was "
      "lost is red on a terminal.");
  page.paragraph(
      "Members of the daemon's group may ask for the status; root and the daemon's own user may also change "
      "something.");
  page.section("OPTIONS");
  add_arguments(app, page);
  add_commands(app, page);
  add_section("EXIT STATUS", kExitCodes, page);
  add_section("ENVIRONMENT", kEnvironment, page);
  add_section("FILES", kFiles, page);
  add_examples(kExamples, page);
  page.section("SEE ALSO");
  page.paragraph("`spanflowd`(8), `spanflow.yaml`(5)");
  return page.text();
}

}  // namespace spanflow
