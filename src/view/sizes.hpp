// How large a packet a path carries, in words: what is padded, what passes, and what to set.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "control/controller.hpp"

namespace view {

std::vector<std::string> size_sentences(const control::Row& row);

// The command that makes the interface send no more than passes; none: all that it sends does, or nobody knows better.
std::optional<std::string> mtu_command(const control::Row& row);

}  // namespace view
