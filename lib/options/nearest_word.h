// Suggestions for mistyped words.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace spanflow {

// Returns the word in `known` that is nearest to the mistyped `word`. Returns an empty text if no word is near.
std::string nearest(std::string_view word, std::span<const std::string> known);

}  // namespace spanflow
