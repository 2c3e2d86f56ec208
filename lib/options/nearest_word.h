// Suggestions for mistyped words.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace spanflow {

// The known name nearest to a mistyped one; empty if none is near.
std::string nearest(std::string_view word, std::span<const std::string> known);

}  // namespace spanflow
