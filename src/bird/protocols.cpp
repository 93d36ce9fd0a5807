#include "bird/protocols.hpp"

#include <algorithm>
#include <iterator>
#include <sstream>

#include "adjacency/adjacency.hpp"

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

}  // namespace

ProtocolReader::Columns ProtocolReader::columns_of(const std::string& text) {
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

bool ProtocolReader::read(std::size_t at_most) {
    for (std::size_t i = 0; i < at_most && at_ < reply_.lines.size(); ++i) one(reply_.lines[at_++]);
    return at_ < reply_.lines.size();
}

void ProtocolReader::one(const Line& line) {
    constexpr std::string_view message = "Message:";
    if (line.code == heading) columns_ = columns_of(line.text);
    if (line.code == row) {
        const auto words = words_of(line.text);
        if (words.size() <= std::max({columns_.name, columns_.kind, columns_.state})) return;
        found_.push_back({words[columns_.name], words[columns_.kind], words[columns_.state], {}, line.text});
    }
    const auto detail = trimmed(line.text);
    // Two spaces in front: a channel's lines are set in deeper.
    if (line.code == details && !found_.empty() && found_.back().message.empty() && detail.starts_with(message))
        found_.back().message = trimmed(detail.substr(message.size()));
}

std::vector<Protocol> parse_protocols(const Reply& reply) {
    ProtocolReader reader{reply};
    reader.read(reply.lines.size());
    auto out = reader.take();
    for (auto& protocol : out) protocol.row.clear();
    return out;
}

std::vector<Protocol> disabled_protocols(const Reply& reply) {
    auto all = parse_protocols(reply);
    std::erase_if(all, [](const Protocol& protocol) {
        return protocol.state != "down" || !adjacency::is_bird_name(protocol.name);
    });
    return all;
}

std::optional<Protocol> find_protocol(const Reply& reply, std::string_view name) {
    const auto all = parse_protocols(reply);
    const auto found = std::ranges::find(all, name, &Protocol::name);
    return found == all.end() ? std::nullopt : std::optional{*found};
}

}  // namespace bird
