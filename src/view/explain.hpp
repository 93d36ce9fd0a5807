// `wgbfd explain`: the evidence behind a verdict, in sentences a network engineer would write; and what each cause
// means, which is the table of the README too.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "control/controller.hpp"
#include "policy/verdict.hpp"

namespace view {

struct Advice {
    std::string_view means;
    std::string_view look_at;  // "": nothing
};
Advice advice(policy::Cause cause);

std::string cause_table();  // of all causes, in Markdown

// The verdict first, its evidence next, what to look at last. `all`: every row, for the others of its group.
std::vector<std::string> explain(const control::Row& row, std::span<const control::Row> all, base::Now now);

}  // namespace view
