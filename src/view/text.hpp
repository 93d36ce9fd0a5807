// Text that comes from outside (interface names, problems) made fit for JSON and for a terminal; and times as people
// write them.
#pragma once

#include <string>
#include <string_view>

#include "base/time.hpp"

namespace view {

// Valid UTF-8 comes back as it is; otherwise each byte beyond ASCII becomes '?'. JSON has no other text.
std::string clean(std::string_view text);

// Control characters become '?', so that a name cannot move a terminal's cursor.
std::string printable(std::string_view text);

std::size_t width(std::string_view text);  // characters of UTF-8, each taken as one column

std::string span(base::Duration d);  // "3.3ms", "150ms", "12.3s", "301s"

}  // namespace view
