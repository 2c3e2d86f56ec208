// spanflowd's command line.
#pragma once

#include <optional>
#include <string>

#include "config/config.h"

namespace spanflow {

struct CommandLine {
  Config config;
  bool has_config_file = false;
  bool quiet = false;
  bool check_only = false;
  std::string summary_file;
  // Set if the command line asks for information instead of a run (--help, --list-fields): the text to print.
  std::optional<std::string> answer;
};

// Applies the defaults, the configuration file, --set and the other flags, in this order. Throws ConfigError.
CommandLine parse_command_line(int argc, char** argv);

}  // namespace spanflow
