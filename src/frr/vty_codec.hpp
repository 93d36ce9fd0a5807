// The vty of an FRR daemon as bytes: a command is its text and one NUL; a reply is text, then 00 00 00 and a status.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace frr {

inline constexpr std::size_t longest_command = 4095;  // FRR's own limit, the NUL included

struct VtyReply {
    std::uint8_t status = 0;  // 0 ok, 1 warning, 2 no match, 3 ambiguous, 4 incomplete, 13 configuration failed …
    std::string text;
    bool ok() const { return status == 0; }
    friend bool operator==(const VtyReply&, const VtyReply&) = default;
};

// Puts the pieces of one reply together.
class VtyReader {
public:
    std::optional<VtyReply> feed(std::string_view piece);  // the reply, once whole; what follows it is dropped
    std::size_t size() const { return text_.size(); }

private:
    std::string text_;
};

}  // namespace frr
