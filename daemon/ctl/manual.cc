#include "manual.h"

#include <fmt/format.h>

#include <array>

#include "manual_parts.h"
#include "version.h"

namespace spanflow {
namespace {

constexpr std::array kExamples = {
    Definition{"spanflowctl status", "rates, both ledgers and the sinks"},
    Definition{"spanflowctl status --watch", "the status, every second"},
    Definition{"spanflowctl -i edge1 --json status", "spanflowd@edge1.service, as JSON"},
    Definition{"spanflowctl reload", "after a change of /etc/spanflow/spanflow.yaml"},
};

constexpr std::array kExitCodes = {
    Definition{"0", "Done."},
    Definition{"1", "The daemon refused the command or did not reply; standard error says why."},
    Definition{"2", "The command line is wrong."},
};

constexpr std::array kEnvironment = {
    Definition{"`NO_COLOR`", "If set, the output has no colours."},
};

constexpr std::array kFiles = {
    Definition{"`/run/spanflow/`*NAME*`/control.sock`",
               "The socket of an instance, unless `control.socket` in its configuration names another one."},
};

void add_commands(const CLI::App& app, ManPage& page) {
  page.section("COMMANDS");
  for (const CLI::App* const command : app.get_subcommands({})) {
    page.item(fmt::format("`{}`", command->get_name()), command->get_description());
    if (command->get_options().size() == 1) continue;  // the only option is --help
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
                .summary = "shows the status of a running spanflowd, and controls it"});
  page.section("SYNOPSIS");
  page.line("`spanflowctl` [`-i` *NAME* | `--socket` *PATH*] [`--json`] `status` [`--watch`]");
  page.line("`spanflowctl` [`-i` *NAME* | `--socket` *PATH*] [`--json`] `reload`");
  page.line("`spanflowctl` [`-i` *NAME* | `--socket` *PATH*] [`--json`] `log-level` *LEVEL*");
  page.section("DESCRIPTION");
  page.paragraph(
      "The status shows the rates of the last second, and the ledgers: every received packet was metered, ignored or "
      "malformed; every opened flow is open or was exported; every exported record was delivered, is waiting or was "
      "dropped, for each sink. Losses are red on a terminal.");
  page.paragraph(
      "Members of the daemon's group may only use `status`; root and the daemon's own user may use all commands.");
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
