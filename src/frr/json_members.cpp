#include "frr/json_members.hpp"

#include <cstddef>
#include <utility>

namespace frr {

JsonMembers::JsonMembers(std::string_view text) : rest_{text} {
    if (!take('{')) mistake();
}

std::optional<JsonMember> JsonMembers::next() {
    if (done_) return std::nullopt;
    if (take('}')) {
        skip_space();
        done_ = true;
        bad_ = !rest_.empty();
        return std::nullopt;
    }
    if (!std::exchange(first_, false) && !take(',')) return mistake();
    skip_space();
    const auto name = string();
    if (!name || !take(':')) return mistake();
    const auto text = value();
    if (!text) return mistake();
    return JsonMember{*name, *text};
}

std::optional<JsonMember> JsonMembers::mistake() {
    done_ = bad_ = true;
    return std::nullopt;
}

void JsonMembers::skip_space() {
    const auto at = rest_.find_first_not_of(" \t\r\n");
    rest_.remove_prefix(at == std::string_view::npos ? rest_.size() : at);
}

bool JsonMembers::take(char wanted) {
    skip_space();
    if (rest_.empty() || rest_.front() != wanted) return false;
    rest_.remove_prefix(1);
    return true;
}

// What stands between quotes.
std::optional<std::string_view> JsonMembers::string() {
    if (rest_.empty() || rest_.front() != '"') return std::nullopt;
    for (std::size_t i = 1; i < rest_.size(); ++i) {
        if (rest_[i] == '\\')
            ++i;
        else if (rest_[i] == '"') {
            const auto out = rest_.substr(1, i - 1);
            rest_.remove_prefix(i + 1);
            return out;
        }
    }
    return std::nullopt;
}

std::optional<std::string_view> JsonMembers::value() {
    skip_space();
    if (rest_.empty()) return std::nullopt;
    const auto from = rest_;
    if (rest_.front() == '"') {
        if (!string()) return std::nullopt;
        return from.substr(0, from.size() - rest_.size());
    }
    if (rest_.front() == '{' || rest_.front() == '[') return bracketed();
    const auto end = rest_.find_first_of(",}] \t\r\n");
    if (end == 0 || end == std::string_view::npos) return std::nullopt;
    rest_.remove_prefix(end);
    return from.substr(0, end);
}

// An object or an array, to the bracket that closes it; brackets inside strings are none.
std::optional<std::string_view> JsonMembers::bracketed() {
    const auto from = rest_;
    std::size_t depth = 0;
    while (!rest_.empty()) {
        const char c = rest_.front();
        if (c == '"') {
            if (!string()) return std::nullopt;
            continue;
        }
        rest_.remove_prefix(1);
        if (c == '{' || c == '[') ++depth;
        if ((c == '}' || c == ']') && --depth == 0) return from.substr(0, from.size() - rest_.size());
    }
    return std::nullopt;
}

}  // namespace frr
