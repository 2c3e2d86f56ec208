// spanflowctl: controls a running spanflowd over its control socket. Exit codes: 0: done; 1: the daemon refused or did
// not reply; 2: the command line is wrong.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>

#include "client.h"
#include "manual.h"
#include "version.h"

namespace spanflow {
namespace {

using Json = nlohmann::json;

struct Arguments {
  std::string instance = "spanflow";
  std::string socket;
  bool json = false;
  bool watch = false;
  bool man = false;
  std::string level;
  Json request;
};

void declare(CLI::App& app, Arguments& arguments) {
  app.add_option("-i,--instance", arguments.instance, "instance of spanflowd: the NAME of /etc/spanflow/NAME.yaml")
      ->type_name("NAME")
      ->capture_default_str();
  app.add_option("--socket", arguments.socket, "control socket, if it is not in /run/spanflow/NAME")->type_name("PATH");
  app.add_flag("--json", arguments.json, "print the reply as JSON");
  app.set_version_flag("--version", fmt::format("spanflowctl {}", kVersion), "print the version and exit");
  app.add_flag("--man", arguments.man, "print the manual page as roff and exit");
  app.set_help_flag("-h,--help", "print this help and exit");
  app.require_subcommand(0, 1);
  app.fallthrough();

  CLI::App* status = app.add_subcommand("status", "show rates, ledgers and losses");
  status->add_flag("-w,--watch", arguments.watch, "repeat every second");
  app.add_subcommand("reload", "reload the configuration, as SIGHUP does, and print the changes");
  app.add_subcommand("log-level", "change the log level until the next reload")
      ->add_option("LEVEL", arguments.level, "debug, info, warning or error")
      ->required();
}

bool show_once(const Client& client, const Arguments& arguments) {
  const Json reply = client.ask(arguments.request);
  if (arguments.json) {
    Json shown = reply;
    shown.erase("text");
    std::cout << shown.dump(2) << std::endl;
  } else if (reply.value("ok", false)) {
    std::cout << reply.value("text", "") << std::flush;
  }
  if (reply.value("ok", false)) return true;
  std::cerr << "spanflowctl: " << reply.value("error", "no reply") << '\n';
  return false;
}

bool watch(const Client& client, const Arguments& arguments) {
  constexpr std::string_view kClearScreen = "\x1b[H\x1b[2J";
  for (;;) {
    if (::isatty(STDOUT_FILENO) != 0) std::cout << kClearScreen;
    if (!show_once(client, arguments)) return false;
    std::this_thread::sleep_for(std::chrono::seconds{1});
  }
}

int run(int argc, char** argv) {
  CLI::App app{"Shows the status of a running spanflowd, and controls it."};
  app.name("spanflowctl");
  app.footer(control_examples());
  Arguments arguments;
  declare(app, arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {
    return app.exit(asked);
  } catch (const CLI::ParseError& error) {
    std::cerr << "spanflowctl: " << error.what() << "; see spanflowctl --help\n";
    return 2;
  }
  if (arguments.man) {
    std::cout << control_manual(app) << std::flush;
    return 0;
  }
  if (app.get_subcommands().empty()) {
    std::cerr << "spanflowctl: a command is missing; see spanflowctl --help\n";
    return 2;
  }
  arguments.request = {{"command", app.get_subcommands().front()->get_name()},
                       {"colours", ::isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr}};
  if (!arguments.level.empty()) arguments.request["level"] = arguments.level;
  const Client client(arguments.socket.empty() ? fmt::format("/run/spanflow/{}/control.sock", arguments.instance)
                                               : arguments.socket);
  return (arguments.watch ? watch(client, arguments) : show_once(client, arguments)) ? 0 : 1;
}

}  // namespace
}  // namespace spanflow

int main(int argc, char** argv) {
  try {
    return spanflow::run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "spanflowctl: " << error.what() << '\n';
    return 1;
  }
}
