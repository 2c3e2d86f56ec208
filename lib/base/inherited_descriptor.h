// The descriptors that the process inherited, such as standard output, and the paths that name them.
#pragma once

#include <optional>
#include <string>

#include "base/descriptor.h"

namespace spanflow {

// Returns the number of the descriptor of this process that `path` names: "-" names `dash`; /dev/stdout, /dev/fd/N,
// /proc/self/fd/N and links to them name their descriptor. Returns std::nullopt for any other path.
std::optional<int> inherited_descriptor(const std::string& path, int dash);

struct OpenedDescriptor {
  Descriptor descriptor;   // empty if errno says why the inherited descriptor cannot be used
  bool may_block = false;  // true: read() and write() may block, except on a regular file
};

// Opens the inherited descriptor `number` for reading (O_RDONLY) or writing (O_WRONLY). A regular file keeps its offset
// and its O_APPEND, which it shares with the other commands of a shell. For anything else, read() and write() do not
// block if that is possible.
OpenedDescriptor open_inherited(int number, int access);

}  // namespace spanflow
