// What each cause of a verdict means, and what to look at then: for `wgbfd explain`, and the table of the README.
#pragma once

#include <string>
#include <string_view>

#include "policy/verdict.hpp"

namespace view {

struct Advice {
    std::string_view means;
    std::string_view look_at;  // "": nothing
};
Advice advice(policy::Cause cause);

std::string cause_table();  // of all causes, in Markdown

}  // namespace view
