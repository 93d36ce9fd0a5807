// What the interface and WireGuard say of a path, in sentences: why nothing can be sent, and what the tunnel carries
// while its session is Down.
#pragma once

#include <string>
#include <vector>

#include "base/time.hpp"
#include "control/controller.hpp"

namespace view {

std::vector<std::string> interface_sentences(const control::Row& row);
std::vector<std::string> wireguard_sentences(const control::Row& row, base::Now now);

}  // namespace view
