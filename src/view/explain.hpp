// `wgbfd explain`: the evidence behind a verdict, in sentences a network engineer would write.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "control/controller.hpp"

namespace view {

// The verdict first, its evidence next, what to look at last. `all`: every row, for the others of its group.
std::vector<std::string> explain(const control::Row& row, std::span<const control::Row> all, base::Now now);

}  // namespace view
