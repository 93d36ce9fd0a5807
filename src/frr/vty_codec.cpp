#include "frr/vty_codec.hpp"

#include <algorithm>

namespace frr {

std::optional<VtyReply> VtyReader::feed(std::string_view piece) {
    using namespace std::string_view_literals;
    constexpr auto mark = "\0\0\0"sv;
    const auto from = text_.size() - std::min(text_.size(), mark.size());  // a mark may lie across two pieces
    text_ += piece;
    const auto end = text_.find(mark, from);
    if (end == std::string::npos || end + mark.size() >= text_.size()) return std::nullopt;
    VtyReply reply{.status = static_cast<std::uint8_t>(text_[end + mark.size()]), .text = text_.substr(0, end)};
    text_.clear();
    return reply;
}

}  // namespace frr
