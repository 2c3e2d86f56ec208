// What --help and spanflowd(8) tell beside the arguments themselves.
#pragma once

#include <CLI/App.hpp>
#include <string>

namespace spanflow {

// The end of --help.
std::string daemon_examples();

// spanflowd(8), as roff; its OPTIONS are those of `app`.
std::string daemon_manual(const CLI::App& app);

}  // namespace spanflow
