#include "view/json_values.hpp"

#include <chrono>

#include "view/text.hpp"

namespace view {

nlohmann::json or_null(const std::string& text) {
    if (text.empty()) return nullptr;
    return clean(text);
}

std::int64_t micros(base::Duration d) { return std::chrono::duration_cast<std::chrono::microseconds>(d).count(); }

}  // namespace view
