// BIRD's control socket as bytes. A command is one line; a reply is lines that begin with a code: "NNNN-text", or
// " text" under the code before, and "NNNN text" last. "+text" is asynchronous and may stand anywhere. Pure.
#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bird {

inline constexpr std::size_t longest_command = 4095;  // BIRD's own limit, the newline included

struct Version {
    unsigned major = 0, minor = 0, patch = 0;
    friend auto operator<=>(const Version&, const Version&) = default;
};
std::string to_string(const Version& version);

struct Line {
    std::uint16_t code = 0;
    std::string text;
    friend bool operator==(const Line&, const Line&) = default;
};

struct Reply {
    std::vector<Line> lines;  // at least one

    std::uint16_t code() const { return lines.back().code; }
    // 0xxx done, 1xxx and 2xxx tables, 8xxx could not be done, 9xxx not understood: 0003, 0004 and 0005 all say that a
    // `configure` was taken. A line before the last may hold the error ("8006-…", then "0000 ").
    bool ok() const;
    std::string error() const;  // the text of the first error, "" when ok()
    friend bool operator==(const Reply&, const Reply&) = default;
};

// "0001 BIRD 2.0.12 ready.": what BIRD says first. None: somebody else answers there.
std::optional<Version> parse_greeting(const Reply& greeting);

// Puts replies together from pieces cut anywhere.
class ReplyReader {
public:
    // False: that is not BIRD's language, or a reply is longer than any should be; nothing more can be read.
    bool feed(std::string_view piece);
    std::optional<Reply> next();              // the next whole reply
    std::optional<std::string> next_async();  // the next "+" line

private:
    bool take_line(std::string_view line);

    std::string partial_;
    std::size_t reply_bytes_ = 0;
    std::optional<std::uint16_t> last_code_;  // also of the reply before: BIRD leaves out a code that it wrote last
    std::vector<Line> lines_;
    std::deque<Reply> replies_;
    std::deque<std::string> async_;
};

// Commands. A name (adjacency::is_bird_name) stands in quotes of BIRD's own, so that no keyword can hide it.
std::string show_protocol(std::string_view name);
std::string enable(std::string_view name);
std::string disable(std::string_view name, std::string_view message);  // "": without one
// Puts received routes through the import filters again: BIRD 3 has another word for it, which BIRD 2 refuses.
std::string reload_in(const Version& version, std::string_view name);

// What may stand between the quotes of a command, within `disable_message` bytes: BGP sends it to the peer (RFC 9003
// §2 allows 255 bytes; RFC 8203 §2, which older peers speak, 128).
inline constexpr std::size_t disable_message = 128;
std::string clean_message(std::string_view text);

}  // namespace bird
