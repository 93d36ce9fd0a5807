// BIRD's bytes, whole and in pieces: the same replies however they were cut, and nothing in a reply breaks its readers.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bird/include_file.hpp"
#include "bird/neighbors_codec.hpp"
#include "bird/protocols.hpp"
#include "bird/reply.hpp"

namespace {

struct Read {
    bool well = true;
    std::vector<bird::Reply> replies;
    std::vector<std::string> async;
};

Read read(std::string_view text, std::size_t piece) {
    Read out;
    bird::ReplyReader reader;
    for (std::size_t at = 0; at < text.size() && out.well; at += piece) {
        out.well = reader.feed(text.substr(at, piece));
        while (auto reply = reader.next()) out.replies.push_back(*std::move(reply));
        while (auto line = reader.next_async()) out.async.push_back(*std::move(line));
    }
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text{reinterpret_cast<const char*>(data) + 1, size - 1};
    const auto whole = read(text, text.size() + 1);
    const auto pieces = read(text, data[0] % 7 + std::size_t{1});
    if (whole.well != pieces.well || whole.replies != pieces.replies) __builtin_trap();
    for (const auto& reply : whole.replies) {
        if (reply.lines.empty()) __builtin_trap();
        if (reply.ok() != reply.error().empty() && reply.ok()) __builtin_trap();
        (void)bird::parse_greeting(reply);
        for (const auto& protocol : bird::parse_protocols(reply))
            if (protocol.name.empty()) __builtin_trap();
        if (const auto neighbor = bird::parse_bgp_neighbor(reply); neighbor && !neighbor->remote.is_set())
            __builtin_trap();
        for (const auto& neighbor : bird::parse_ospf_neighbors(reply))
            if (!neighbor.remote.is_set() || neighbor.interface.empty()) __builtin_trap();
    }
    const auto message = bird::clean_message(text);
    if (message.size() > bird::disable_message || message.find_first_of("\"\n") != std::string::npos) __builtin_trap();
    // What is read of a file of ours is written as it was read.
    if (const auto defines = bird::parse_defines(text)) {
        if (!bird::is_ours(text) || bird::parse_defines(bird::render(*defines)) != defines) __builtin_trap();
        if (!bird::is_at_rest(bird::put_at_rest(*defines))) __builtin_trap();
    }
    return 0;
}
