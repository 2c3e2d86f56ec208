// The texts of --help and of spanflowd(8), except the help of the arguments.
#pragma once

#include <CLI/App.hpp>
#include <string>

namespace spanflow {

// The examples at the end of --help.
std::string daemon_examples();

// spanflowd(8) as roff. Its OPTIONS are the arguments of `app`.
std::string daemon_manual(const CLI::App& app);

}  // namespace spanflow
