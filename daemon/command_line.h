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
  // Set where the command line asks for an answer and no run (--help, --list-fields): what to print, and the exit code.
  std::optional<std::string> answer;
};

// Defaults, then the file, then --set, then the flags. Throws ConfigError.
CommandLine parse_command_line(int argc, char** argv);

}  // namespace spanflow
