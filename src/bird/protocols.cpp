#include "bird/protocols.hpp"

#include <algorithm>
#include <iterator>
#include <sstream>

namespace bird {
namespace {

constexpr std::uint16_t heading = 2002, row = 1002, details = 1006;

std::vector<std::string> words_of(const std::string& text) {
    std::istringstream in{text};
    return {std::istream_iterator<std::string>{in}, {}};
}

std::string_view trimmed(std::string_view text) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    return text;
}

// Where the columns stand: the heading names them, and their order is a version's own.
struct Columns {
    std::size_t name = 0, kind = 1, state = 3;
};

Columns columns_of(const std::string& text) {
    const auto words = words_of(text);
    Columns out;
    const auto place = [&](const char* word, std::size_t& at) {
        const auto found = std::ranges::find(words, word);
        if (found != words.end()) at = static_cast<std::size_t>(found - words.begin());
    };
    place("Name", out.name);
    place("Proto", out.kind);
    place("State", out.state);
    return out;
}

}  // namespace

std::vector<Protocol> parse_protocols(const Reply& reply) {
    constexpr std::string_view message = "Message:";
    std::vector<Protocol> out;
    Columns columns;
    for (const auto& line : reply.lines) {
        if (line.code == heading) columns = columns_of(line.text);
        if (line.code == row) {
            const auto words = words_of(line.text);
            if (words.size() <= std::max({columns.name, columns.kind, columns.state})) continue;
            out.push_back({words[columns.name], words[columns.kind], words[columns.state], {}});
        }
        const auto detail = trimmed(line.text);
        // Two spaces in front: a channel's lines are set in deeper.
        if (line.code == details && !out.empty() && out.back().message.empty() && detail.starts_with(message))
            out.back().message = trimmed(detail.substr(message.size()));
    }
    return out;
}

std::optional<Protocol> find_protocol(const Reply& reply, std::string_view name) {
    const auto all = parse_protocols(reply);
    const auto found = std::ranges::find(all, name, &Protocol::name);
    return found == all.end() ? std::nullopt : std::optional{*found};
}

}  // namespace bird
