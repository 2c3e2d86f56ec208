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
  std::string summary_file;  // empty: no summary file; "-": standard output
  // The text to print if the command line asks for information instead of a run, such as --help or --list-fields.
  std::optional<std::string> answer;
};

// Applies the defaults, the configuration file, --set and the other flags, in this order; a later value replaces an
// earlier one. Throws ConfigError if the command line or the configuration is wrong.
CommandLine parse_command_line(int argc, char** argv);

}  // namespace spanflow
