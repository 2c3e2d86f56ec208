// What the programs of bench/ have in common around main().
#pragma once

#include <exception>
#include <iostream>

namespace spanflow::bench {

// Runs `run`; what it throws is said under the program's name, and is exit code 1.
inline int guarded(const char* program, int (*run)(int, char**), int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << program << ": " << error.what() << '\n';
    return 1;
  }
}

}  // namespace spanflow::bench
